"""Two runs side by side."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from connections.secret import MASK
from flows.models import ActionRun, Run, State
from flows.runs.compared_steps import AT_ONCE, paths_of, step_pairs
from flows.runs.costs import cost_words
from flows.runs.differences import ABSENT, value_pair, value_pairs
from tests.factories import make_flow, make_run
from tests.markup import one_line
from tests.runs.conftest import record

COMPARE = reverse("runs:compare")


@pytest.fixture
def other(run, alice):
    """Another run of the flow, which failed where the first did not and never came to the loop."""
    made = make_run(run.flow, by=alice, question="Why now?")
    start = timezone.now() - timedelta(minutes=1)
    record(made, 1, "chat", start, type="chat_completion", title="Answer", inputs={"user_prompt": "Why now?"},
           output={"text": "Because of that."}, facts={"cost": "0.25", "currency": "USD"})  # fmt: skip
    record(made, 2, "each", start, type="for_each", title="Each", state=State.FAILED, error={"message": "No."})
    Run.objects.filter(pk=made.pk).update(state=State.FAILED, started_at=start, error={"message": "It broke."})
    made.refresh_from_db()
    return made


def test_what_differs_is_marked_and_first():
    pairs = value_pairs({"same": 1, "text": "one two", "gone": [1]}, {"same": 1, "text": "one three", "new": None})
    assert [pair.name for pair in pairs] == ["text", "gone", "new", "same"]
    assert (pairs[0].left, pairs[0].right) == ("one <del>two</del>", "one <ins>three</ins>")
    assert (pairs[1].right, pairs[2].left) == (None, None)
    assert (pairs[3].same, pairs[3].left) == (True, "1")


def test_an_object_is_the_same_in_whatever_order_and_markup_stays_text():
    assert value_pair("x", {"a": 1, "b": 2}, {"b": 2, "a": 1}).same
    assert value_pair("x", "<b>", "<i>").left == "<del>&lt;b&gt;</del>"
    assert value_pair("x", ABSENT, "<i>").right == "<i>"


def test_what_is_masked_is_not_called_the_same():
    assert value_pair("key", MASK, MASK).is_masked
    assert not value_pair("key", "a", "a").is_masked


def test_long_values_are_compared_at_their_beginnings():
    pair = value_pair("x", "a " * 300_000, "b " * 300_000)
    assert pair.is_cut
    assert len(pair.left) < 200_000


def test_runs_are_shown_beside_each_other(client_bob, run, other):
    page = one_line(client_bob.get(COMPARE, {"a": run.pk, "b": other.pk}).content.decode())
    assert "<td>Succeeded</td><td>Failed</td>" in page
    assert "Why <ins>now?</ins>" in page or "<ins>Why now?</ins>" in page
    assert "It broke." in page
    for words in ("state differs", "only left", "output differs", "$0.25"):
        assert words in page
    assert "different revisions" not in page
    assert "different flows" not in page


def test_actions_are_paired_by_their_paths_in_the_order_of_the_flow(run, other):
    paths = paths_of(run, other)
    assert paths == ["chat", "each", "each[0]/note", "each[1]/note"]
    pairs = step_pairs(run, other, paths)
    assert [pair.verdict for pair in pairs] == ["output differs", "state differs", "only left", "only left"]
    assert (pairs[0].left.tokens, pairs[0].right.cost, pairs[2].part_words) == ("1,234", "$0.25", "part 1")


def test_an_action_says_what_went_in_and_came_out(client_bob, run, other):
    address = reverse("runs:compare_step")
    said = client_bob.get(address, {"a": run.pk, "b": other.pk, "path": "chat"}).content.decode()
    assert 'hx-target="#pair-chat"' in said
    assert "<del>Because.</del>" in said
    assert "Why <ins>now?</ins>" in said or "<ins>Why now?</ins>" in said
    assert client_bob.get(address, {"a": run.pk, "b": other.pk, "path": "gone"}).status_code == 404
    page = client_bob.get(COMPARE, {"a": run.pk, "b": other.pk, "path": "chat"}).content.decode()
    assert "<del>Because.</del>" in page  # without scripts, too


def test_other_revisions_and_other_flows_are_said(client_bob, run, other, alice):
    flow = run.flow
    flow.commit(flow.current.parsed().with_name("Renamed"), by=alice, base=flow.current.number)
    Run.objects.filter(pk=other.pk).update(revision=flow.current)
    page = one_line(client_bob.get(COMPARE, {"a": run.pk, "b": other.pk}).content.decode())
    assert "different revisions: r1 and r2" in page
    assert f'href="/flows/{flow.slug}/revisions/?r=2&amp;with=1"' in page
    assert client_bob.get(f"/flows/{flow.slug}/revisions/?r=2&with=1").status_code == 200
    elsewhere = make_run(make_flow("each-word"), text="x")
    assert "runs of different flows" in one_line(
        client_bob.get(COMPARE, {"a": run.pk, "b": elsewhere.pk}).content.decode()
    )


def test_thousands_of_actions_are_paged_with_few_queries(client_bob, run, other, django_assert_max_num_queries):
    start = timezone.now()
    rows = [
        ActionRun(run=side, path=f"each[{number}]/note", action_id="note", type="log", title="Note", order=number + 10,
                  event=number, state=State.SUCCEEDED, started_at=start, ended_at=start)
        for side in (run, other) for number in range(2, 1_000)
    ]  # fmt: skip
    ActionRun.objects.bulk_create(rows)
    client_bob.get(COMPARE)
    with django_assert_max_num_queries(20):
        page = client_bob.get(COMPARE, {"a": run.pk, "b": other.pk, "page": 3}).content.decode()
    assert page.count('hx-trigger="toggle once"') == AT_ONCE
    assert "Page 3 of 11" in page


def test_the_other_run_is_chosen_from_those_of_the_flow(client_bob, run, other):
    page = client_bob.get(COMPARE, {"a": run.pk}).content.decode()
    assert f"?a={run.pk}&amp;b={other.pk}" in page
    assert f"b={run.pk}" not in page
    assert client_bob.get(COMPARE).status_code == 200
    assert client_bob.get(COMPARE, {"a": run.pk, "b": 10**9}).status_code == 404
    assert f"{COMPARE}?a={run.pk}" in client_bob.get(reverse("runs:list")).content.decode()


def test_two_runs_are_chosen_in_the_list_of_a_flow(client_bob, run, other):
    listed = one_line(client_bob.get(reverse("runs:list"), {"flow": run.flow.slug}).content.decode())
    assert f'name="run" value="{run.pk}" form="compare-form"' in listed
    assert "compare-form" not in client_bob.get(reverse("runs:list")).content.decode()
    page = client_bob.get(COMPARE, {"run": [other.pk, run.pk]}).content.decode()
    assert f"<title>Runs {run.pk} and {other.pk}" in page
    assert f"Compare run {run.pk} with…" in client_bob.get(COMPARE, {"run": run.pk}).content.decode()


def test_costs_are_added_up_by_currency_with_those_of_subflows(run, other):
    assert cost_words(run) == ""
    run.actions.filter(path="chat").update(facts={"cost": "0.0000011", "currency": "EUR"})
    assert cost_words(run) == "€0.0000011"
    Run.objects.filter(pk=other.pk).update(parent=run, parent_path="sub")
    run.subflow_prompt_tokens = 0
    assert cost_words(run) == "€0.0000011 + $0.25"
