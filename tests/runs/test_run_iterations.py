"""A run over many: which iterations failed is seen at once, why, and they go again."""

import csv
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from flows.models import Checkpoint, Iteration, Run, State
from flows.runs.iteration_rows import AT_ONCE
from flows.runs.stream import BrowserState, read_changes
from tests.factories import make_connection, make_flow, make_run
from tests.runs.conftest import FACTS, record

KINDS = ["auth_key"] * 31 + ["quota"] * 9
CALL = {**FACTS, "connection_variable": "connection", "connection_reason": "from variable connection",
        "customer": "Customer 7", "deployment": "gpt-5.2"}  # fmt: skip


def loop_document(**more):
    body = {"id": "each-body", "title": "", "actions": [
        {"id": "ask", "type": "chat_completion", "properties": {"connection": "contoso", "model": "m", "user_prompt": "x"}}]}  # fmt: skip
    each = {"id": "each", "type": "for_each", "title": "For each customer", "properties": {"items": "{{ [] }}"},
            "branches": [body]}  # fmt: skip
    return {"format": "foundryflow/1", "name": "many", "actions": [each], **more}


def iteration(run, number, *, loop="each", **fields):
    """Number 6, 13, 20, … of a thousand have failed, so that forty have in all."""
    fields = {"total": 1_000, "state": State.SUCCEEDED, "customer": f"Customer {number + 1}", "milliseconds": number,
              "host": f"host-{number}.openai.azure.com", "tokens": 1_000 - number, **fields}  # fmt: skip
    return Iteration(run=run, loop=loop, number=number, started_at=run.created_at, **fields)


@pytest.fixture
def many(alice):
    """A run over 100 of 1,000 customers, of which forty failed and were caught."""
    make_connection()
    run = make_run(make_flow(loop_document(), by=alice), by=alice)
    failed = {number: KINDS[at] for at, number in enumerate(range(6, 86, 2))}
    Iteration.objects.bulk_create(
        [
            iteration(run, number, state=State.FAILED, caught=True, error=failed[number], path=f"each[{number}]/ask",
                      status=401 if failed[number] == "auth_key" else None)
            if number in failed else iteration(run, number)
            for number in range(100)
        ]
    )  # fmt: skip
    now = timezone.now()
    record(run, 1, "each", now, type="for_each", title="For each customer")
    record(run, 2, "each[6]/ask", now, type="chat_completion", title="Ask", state=State.FAILED, facts=CALL,
           error={"kind": "auth_key", "message": "The key was refused.", "hint": "Copy it again.", "status": 401})  # fmt: skip
    record(run, 3, "each[0]/ask", now, type="chat_completion", title="Ask", facts=CALL, output={"text": "Yes."})
    Run.objects.filter(pk=run.pk).update(
        state=State.SUCCEEDED, started_at=now, ended_at=now + timedelta(seconds=5), last_event=9
    )
    run.refresh_from_db()
    return run


def open_page(client, run, **params):
    return client.get(reverse("runs:show", args=[run.pk]), params)


def shown(response):
    return [row.number for row in response.context["page"].rows]


def toggles(response):
    page = response.context["page"]
    return {toggle.label: toggle.count for toggle in [*page.toggles, *page.failures]}


def going(run):
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING, ended_at=None)


def test_a_run_of_which_iterations_failed_opens_with_them_and_says_how_many(client_bob, many):
    response = open_page(client_bob, many)
    page = response.content.decode()
    assert response.context["tab"] == "iterations"
    assert re.search(r'pill is-warn"\s+role="status"\s+data-run-state="succeeded"\s*>.*?40 of 1,000 failed', page)
    assert toggles(response) == {"All": 100, "Done": 60, "Failed": 40, "Key refused": 31, "Quota used up": 9}
    assert "900 not reached" in page
    assert shown(response) == list(range(1, AT_ONCE + 1))


def test_one_press_shows_the_failed_and_a_reason_fewer(client_bob, many):
    first = open_page(client_bob, many)
    address = first.context["page"].failures[0].address
    assert address == "?tab=iterations&loop=each&state=failed"
    failed = client_bob.get(reverse("runs:show", args=[many.pk]) + address)
    assert shown(failed)[:3] == [7, 9, 11]
    assert "1 to 25 of 40" in failed.content.decode()
    assert shown(client_bob.get(reverse("runs:show", args=[many.pk]) + failed.context["page"].later))[0] == 57
    quota = open_page(client_bob, many, tab="iterations", state="failed", reason="quota")
    assert shown(quota) == list(range(69, 87, 2))
    assert "401, key refused" in failed.content.decode()


@pytest.mark.parametrize(
    ("params", "first"),
    [({"sort": "-number"}, 100), ({"sort": "tokens"}, 100), ({"sort": "-duration"}, 100), ({"sort": "name"}, 1),
     ({"sort": "-state"}, 1), ({"sort": "-error"}, 69), ({"sort": "connection"}, 1), ({"sort": "nonsense"}, 1),
     ({"page": "4"}, 76), ({"page": "99999"}, 76), ({"page": "-1"}, 1), ({"state": "succeeded"}, 1),
     ({"state": "odd", "reason": "quota"}, 1), ({"find": "customer 10"}, 10), ({"find": "host-41."}, 42),
     ({"loop": "gone"}, 1)],
)  # fmt: skip
def test_the_address_says_what_is_shown(client_bob, many, params, first):
    assert shown(open_page(client_bob, many, tab="iterations", **params))[0] == first


def test_a_reason_that_nobody_has_shows_nothing(client_bob, many):
    page = open_page(client_bob, many, tab="iterations", state="failed", reason="odd")
    assert shown(page) == []
    assert "No iteration matches." in page.content.decode()


def test_reasons_beyond_five_are_the_others(client_bob, many):
    for number, kind in ((6, "dns"), (8, "tls"), (10, "server"), (12, "connect"), (14, "no_stock")):
        many.iterations.filter(number=number).update(error=kind)
    page = open_page(client_bob, many, tab="iterations", state="failed", reason="others")
    assert list(toggles(page)) == ["All", "Done", "Failed", "Key refused", "Quota used up", "Unreachable",
                                   "No such host", "No stock", "Others"]  # fmt: skip
    assert (shown(page), toggles(page)["Others"]) == ([9, 11], 2)


def test_the_open_iteration_says_who_where_and_why(client_bob, many):
    page = open_page(client_bob, many, tab="iterations", iteration="7").content.decode()
    for words in ("Customer 7</h2>", "Ask · Chat completion · iteration 7 of 1,000", "The key was refused.",
                  "A Try inside the iteration caught it", "/usage/?customer=Customer%207", "f00d", "gpt-5.2",
                  "contoso.openai.azure.com", "dynamic, from variable <span class=\"chip\">connection</span>"):  # fmt: skip
        assert words in page, words
    assert 'id="iteration-7" class="is-selected"' in page
    assert "find=each%5B6%5D%2F" in page
    many.iterations.filter(number=6).update(caught=False)
    assert "the loop ended with it" in open_page(client_bob, many, tab="iterations", iteration="7").content.decode()
    assert open_page(client_bob, many, tab="iterations", iteration="5000").context["iteration"] is None


def test_a_press_on_a_row_renews_the_table_and_the_detail(client_bob, many):
    address = reverse("runs:show", args=[many.pk]) + "?tab=iterations&iteration=7"
    answer = client_bob.get(address, headers={"HX-Request": "true"}).content.decode()
    assert answer.startswith('<hx-partial hx-target="#run-detail"')
    assert 'hx-target="#run-iterations"' in answer
    assert "<html" not in answer


def test_short_loops_and_successes_open_with_the_steps(client_bob, many):
    Iteration.objects.filter(number__gt=19).delete()
    Iteration.objects.update(total=20)
    response = open_page(client_bob, many)
    assert (response.context["tab"], response.context["state"].word) == ("steps", "Succeeded")
    assert "tab=iterations" in response.content.decode()
    assert shown(open_page(client_bob, many, tab="iterations")) == list(range(1, 21))
    Iteration.objects.filter(state=State.FAILED).update(state=State.SUCCEEDED, error="")
    response = open_page(client_bob, many)
    assert response.context["tab"] == "steps"
    assert "tab=iterations" in response.content.decode()
    assert "No iteration" not in open_page(client_bob, many, tab="iterations").content.decode()
    Iteration.objects.all().delete()
    response = open_page(client_bob, many, tab="iterations")
    assert response.context["tab"] == "steps"
    assert "tab=iterations" not in response.content.decode()


def test_what_each_gave_is_shown_sorted_and_found(client_bob, many):
    now = timezone.now()
    record(many, 20, "each[1]/ask", now, type="chat_completion", title="Ask", output={"text": "Zebra <b>"})
    record(many, 21, "each[2]/sum", now, type="set_variable", title="Sum", output={"n": 7})
    many.iterations.filter(number=0).update(path="each[0]/ask")  # as runs from before have it
    many.iterations.filter(number=1).update(path="each[1]/ask", output_path="each[1]/ask")
    many.iterations.filter(number=2).update(output_path="each[2]/sum")
    response = open_page(client_bob, many, tab="iterations")
    assert [row.output for row in response.context["page"].rows[:3]] == ["Yes.", "Zebra <b>", '{"n": 7}']
    assert "Zebra &lt;b&gt;" in response.content.decode()
    assert shown(open_page(client_bob, many, tab="iterations", sort="-output"))[:3] == [3, 2, 1]
    assert shown(open_page(client_bob, many, tab="iterations", find="zebra")) == [2]
    lines = client_bob.get(reverse("runs:iterations", args=[many.pk]), {"find": "zebra"}).content.decode()
    assert next(csv.DictReader(lines.splitlines()))["Output"] == "Zebra <b>"


def test_columns_that_would_be_empty_are_left_out(client_bob, many):
    def columns(**params):
        return [
            heading.name for heading in open_page(client_bob, many, tab="iterations", **params).context["page"].headings
        ]

    assert columns() == ["number", "name", "state", "duration", "tokens", "output", "connection", "error"]
    assert "output" not in columns(state="failed")
    assert "error" not in columns(state="succeeded")
    Iteration.objects.update(state=State.SUCCEEDED, error="", host="")
    assert columns() == ["number", "name", "state", "duration", "tokens", "output"]


def test_a_short_loop_in_an_iteration_is_reached_from_there(client_bob, many):
    Iteration.objects.bulk_create(
        [iteration(many, number, loop="each[0]/part", total=3, customer="") for number in range(3)]
    )
    page = open_page(client_bob, many, tab="iterations", iteration="1")
    assert "?tab=iterations&amp;loop=each%5B0%5D%2Fpart" in page.content.decode()
    inner = open_page(client_bob, many, tab="iterations", loop="each[0]/part")
    assert (shown(inner), inner.context["loop"].count) == ([1, 2, 3], 1_000)
    assert "3 of part" in page.content.decode()


def test_an_address_that_asks_for_steps_shows_them(client_bob, many):
    for params in ({"action": "each[6]/ask"}, {"find": ""}, {"state": "failed"}, {"tab": "steps"}):
        assert open_page(client_bob, many, **params).context["tab"] == "steps"


def test_all_that_failed_is_bad_and_a_failed_run_says_its_own_state(client_bob, many):
    Iteration.objects.update(state=State.FAILED, error="auth_key")
    page = open_page(client_bob, many).content.decode()
    assert re.search(r'pill is-bad"\s+role="status"\s+data-run-state="succeeded"', page)
    Run.objects.update(state=State.FAILED, error={"message": "It broke."})
    assert 'data-run-state="failed"' in open_page(client_bob, many).content.decode()


def test_a_live_page_counts_on_and_no_row_jumps(client_bob, many):
    going(many)
    params = {"tab": "iterations", "state": "failed", "loop": "each"}
    page = open_page(client_bob, many, **params)
    query = dict(pair.split("=") for pair in page.context["stream_query"].split("&"))
    assert (query["seen"], query["rows"].split(".")[:2], query["state"]) == ("40", ["6", "8"], "failed")
    browser = BrowserState({**params, "rows": query["rows"], "seen": query["seen"]}, -1)
    many.iterations.filter(number__in=(0, 1, 2)).update(state=State.FAILED, error="dns")
    pieces, _ = read_changes(many.pk, browser)
    table = next(piece for piece in pieces if 'hx-target="#run-iterations"' in piece)
    assert "3 new failures" in table
    assert re.findall(r'id="iteration-(\d+)"', table)[:3] == ["7", "9", "11"]
    assert "<b>43</b>" in table


def test_a_page_with_room_fills_from_behind(client_bob, many):
    going(many)
    Iteration.objects.exclude(number__in=(4, 6)).delete()
    params = {"tab": "iterations", "loop": "each"}
    browser = BrowserState({**params, "rows": "4.6", "seen": "2"}, -1)
    Iteration.objects.bulk_create([iteration(many, 2)])
    pieces, _ = read_changes(many.pk, browser)
    assert re.findall(r'id="iteration-(\d+)"', "".join(pieces)) == ["5", "7", "3"]
    assert " new iteration" not in "".join(pieces)
    assert browser.params["rows"] == "4.6.2"


def test_what_still_goes_when_its_run_ends_was_stopped(client_bob, many):
    many.iterations.filter(number=0).update(state=State.RUNNING, milliseconds=None)
    response = open_page(client_bob, many)
    assert response.context["page"].rows[0].state.word == "Cancelled"
    assert "1 stopped, 900 not reached" in response.content.decode()
    going(many)
    response = open_page(client_bob, many)
    assert response.context["page"].rows[0].state.word == "Running"
    assert "1 running, 900 to come" in response.content.decode()


def test_the_file_holds_what_the_filters_find(client_bob, many):
    many.iterations.filter(number=6).update(customer="=Customer")
    address = reverse("runs:iterations", args=[many.pk])
    answer = client_bob.get(address, {"loop": "each", "state": "failed"})
    lines = list(csv.reader(answer.content.decode().splitlines()))
    assert (len(lines), lines[1][:4], lines[1][-2:]) == (41, ["7", "'=Customer", "", "Failed"], ["auth_key", "401"])
    assert f"run-{many.pk}-iterations.csv" in answer.headers["Content-Disposition"]
    Iteration.objects.all().delete()
    assert client_bob.get(address).status_code == 404


def test_these_are_retried_and_both_runs_lead_to_each_other(client_alice, many):
    Checkpoint.objects.create(run=many, path="each[0]/ask", plain="{}")
    page = open_page(client_alice, many, tab="iterations", state="failed", reason="quota").content.decode()
    assert "Retry these 9" in page
    answer = client_alice.post(
        reverse("runs:retry_iterations", args=[many.pk]), {"loop": "each", "state": "failed", "reason": "quota"}
    )
    made = Run.objects.latest("pk")
    assert (answer.url, made.origin_id) == (reverse("runs:show", args=[made.pk]), many.pk)
    assert made.iterations.count() == 91
    assert list(made.actions.values_list("path", flat=True)) == ["each[0]/ask"]
    assert f'from <a href="/runs/{many.pk}/"' in open_page(client_alice, made, tab="steps").content.decode()
    page = open_page(client_alice, many).content.decode().split("Led to")[1]
    assert re.search(rf'href="/runs/{made.pk}/">run\s+{made.pk}</a>', page)


def test_one_alone_is_retried(client_alice, many):
    assert "Retry this one" in open_page(client_alice, many, tab="iterations", iteration="7").content.decode()
    client_alice.post(reverse("runs:retry_iterations", args=[many.pk]), {"loop": "each", "iteration": "7"})
    assert Run.objects.latest("pk").iterations.count() == 99


@pytest.mark.parametrize("given", [{"loop": "each", "iteration": "1"}, {"loop": "each", "iteration": "9999"},
                                   {"state": "failed", "reason": "odd"}, {"find": "nobody"}])  # fmt: skip
def test_what_did_not_fail_is_not_retried(client_alice, many, given):
    answer = client_alice.post(reverse("runs:retry_iterations", args=[many.pk]), given, follow=True)
    assert "Only iterations that failed can be retried" in answer.content.decode()
    assert Run.objects.count() == 1


def test_nothing_is_retried_while_the_run_goes_or_where_iterations_depend_on_each_other(client_alice, many):
    address = reverse("runs:retry_iterations", args=[many.pk])
    going(many)
    assert 'disabled title="Once the run has ended"' in open_page(client_alice, many).content.decode()
    client_alice.post(address, {"loop": "each"})
    Run.objects.update(state=State.SUCCEEDED, ended_at=timezone.now())
    Iteration.objects.update(total=None)
    assert "iterations-form" not in open_page(client_alice, many).content.decode().split('id="run-iterations"')[1]
    client_alice.post(address, {"loop": "each"})
    assert Run.objects.count() == 1


def test_secret_inputs_are_asked_for_before_a_retry(client_alice, many):
    token = [{"name": "token", "type": "secret", "required": True}]
    many.revision.document = loop_document(inputs=token)
    type(many.revision).objects.filter(pk=many.revision.pk).update(document=many.revision.document)
    Run.objects.update(inputs={"token": "••••••"})
    answer = client_alice.post(reverse("runs:retry_iterations", args=[many.pk]), {"loop": "each", "iteration": "7"})
    assert answer.url == f"/flows/many/run/?again={many.pk}&from=&loop=each&iteration=7"
    form = client_alice.get(answer.url).content.decode()
    assert "Executes 1 iteration again that failed" in form
    client_alice.post(answer.url, {"asked": "1", "input-token": "again", "anyway": "1"})
    made = Run.objects.latest("pk")
    assert (made.origin_id, made.iterations.count()) == (many.pk, 99)


def test_who_may_not_does_not(client, client_bob, many):
    addresses = [reverse(f"runs:{name}", args=[many.pk]) for name in ("iterations", "retry_iterations")]
    assert client.get(addresses[0]).status_code == 302
    assert client_bob.post(addresses[1], {"loop": "each"}).status_code == 403
    many.flow.room = "playground"
    many.flow.save()
    assert client_bob.get(addresses[0]).status_code == 404


def test_a_run_that_is_not_there_has_no_iterations(client_alice, many):
    assert client_alice.get(reverse("runs:iterations", args=[many.pk + 1])).status_code == 404
    assert client_alice.post(reverse("runs:retry_iterations", args=[many.pk + 1])).status_code == 404
    assert client_alice.get(reverse("runs:retry_iterations", args=[many.pk])).status_code == 405
    assert client_alice.post(reverse("runs:iterations", args=[many.pk])).status_code == 405


def test_loops_inside_loops_are_reached_from_the_iteration_they_stand_in(client_bob, many):
    Iteration.objects.bulk_create(
        [iteration(many, number, loop="each[6]/part", total=30, label="x", customer="") for number in range(30)]
    )
    page = open_page(client_bob, many, tab="iterations", iteration="7").content.decode()
    assert 'href="?tab=iterations&amp;loop=each%5B6%5D%2Fpart">30 of part' in page
    inner = open_page(client_bob, many, tab="iterations", loop="each[6]/part").content.decode()
    assert 'href="?tab=iterations&amp;loop=each&amp;iteration=7">each 7</a> /' in inner
    assert re.search(r">\s*Item\s*<", inner)
