"""Pinned outputs: on the card, in runs from the designer only, kept when their action goes, without leaking a secret."""

import pytest
from django.db import connection as database
from django.urls import reverse

from connections.secret import Secret
from flows.designer.pins import NotPinned, make_pin
from flows.interpreter.checkpoint import pack_outcome
from flows.interpreter.journal import ActionFinished
from flows.language.values import Declared
from flows.models import Checkpoint, Pin, Run, State
from tests.designer.test_designer_regions import HTMX, regions_of
from tests.designer.test_run_in_place import document, executed, log, page, start, url
from tests.engine.test_durable import chat, each, returns
from tests.factories import make_flow, make_run
from tests.markup import one_line

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = [{"name": "people", "type": "list", "default": ["a", "b"]}]


@pytest.fixture
def flow(alice, counting):
    return make_flow(document(chat("ask", "one"), chat("answer", "two {{ ask }}"), returns("{{ answer }}")), by=alice)


def pin(client, flow, action_id, verb="pin", **data):
    return client.post(url(flow, verb, action_id), data, headers=HTMX)


def test_a_pinned_output_is_on_the_card_and_its_action_is_not_called_again(client_alice, flow, counting):
    first = executed(make_run(flow))
    card = one_line(regions_of(pin(client_alice, flow, "ask"))["card-ask"])
    assert "Pinned" in card
    assert f"Output of run {first.pk}, not called again" in card
    start(client_alice, flow)
    run = executed(Run.objects.latest("pk"))
    assert (run.output, counting.count("one")) == ("<two <one>>", 1)
    assert run.actions.get(path="ask").reason == f"pinned, output of run {first.pk}"
    shown = client_alice.get(reverse("runs:show", args=[run.pk]) + "?action=ask").content.decode()
    assert f"Pinned, output of run {first.pk}" in one_line(shown)


def test_only_runs_from_the_designer_use_it(client_alice, flow, counting):
    executed(make_run(flow))
    pin(client_alice, flow, "ask")
    executed(make_run(flow))
    assert counting.count("one") == 2
    pin(client_alice, flow, "ask", "unpin")
    start(client_alice, flow)
    executed(Run.objects.latest("pk"))
    assert counting.count("one") == 3


def test_each_iteration_of_a_loop_keeps_its_own(client_alice, alice, counting):
    flow = make_flow(document(each("{{ people }}", chat("ask", "{{ item }}")), inputs=PEOPLE), by=alice)
    executed(make_run(flow))
    pin(client_alice, flow, "ask")
    assert Pin.objects.get().count == 2
    start(client_alice, flow, asked="1", **{"input-people": '["a", "b", "c"]'})
    executed(Run.objects.latest("pk"))
    assert [counting.count(person) for person in "abc"] == [1, 1, 1]


def test_alone_an_action_is_executed_although_its_output_is_pinned(client_alice, flow, counting):
    executed(make_run(flow))
    pin(client_alice, flow, "ask")
    start(client_alice, flow, alone="ask")
    executed(Run.objects.latest("pk"))
    assert counting.count("one") == 2


def test_an_edit_above_makes_it_older_than_its_inputs(client_alice, flow):
    executed(make_run(flow))
    pin(client_alice, flow, "answer")
    assert "older than its inputs" not in page(client_alice, flow)
    moved = client_alice.post(url(flow, "change", "ask", "toggle"), {"base": 1}, headers=HTMX)
    assert "older than its inputs" in one_line(regions_of(moved)["card-answer"])


def test_the_pin_of_a_removed_action_is_a_sentence_and_comes_back_with_it(client_alice, flow):
    run = executed(make_run(flow))
    pin(client_alice, flow, "answer")
    client_alice.post(url(flow, "change", "answer", "remove"), {"base": 1}, headers=HTMX)
    below = one_line(client_alice.get(url(flow, "show_tab"), {"tab": "output"}, headers=HTMX).content.decode())
    assert f"was removed; its output of run {run.pk} stays pinned and comes back with it" in below
    assert "removed meanwhile" in pin(client_alice, flow, "answer", action="").content.decode()
    assert start(client_alice, flow, anyway="1").status_code == 200
    client_alice.post(url(flow, "undo"), {"base": 2}, headers=HTMX)
    assert "not called again" in page(client_alice, flow)


def test_what_is_pinned_is_encrypted_and_shown_masked(client_alice, alice):
    secret = "planted-pin-secret-77"
    variables = [{"name": "key", "type": "secret", "value": secret}, {"name": "plain", "type": "text", "value": "x"}]
    flow = make_flow(
        document({"id": "vars", "type": "declare_variables", "properties": {"variables": variables}}, log("say", "hi")),
        by=alice,
    )
    run = executed(make_run(flow))
    refused = pin(client_alice, flow, "vars")
    assert refused.status_code == 422
    assert "held a secret, which was erased when run" in refused.content.decode()
    # While the run goes, what it keeps to go on is there.
    Checkpoint.objects.filter(run=run, path="vars").delete()
    kept = ActionFinished("vars", 1, {"key": Secret(secret)}, declared=(Declared("key", "secret", Secret(secret)),))
    Checkpoint.objects.create(run=run, path="vars", sealed=Secret(pack_outcome(kept).text))
    make_pin(run, flow.current.parsed().find("vars"), flow).save()
    with database.cursor() as cursor:
        cursor.execute("SELECT content FROM flows_pin")
        assert secret not in str(cursor.fetchall())
    start(client_alice, flow)
    again = executed(Run.objects.latest("pk"))
    assert again.state == State.SUCCEEDED
    assert secret not in str(list(again.actions.values_list("output", "variables", "inputs", "facts")))
    assert secret not in page(client_alice, flow)


def test_what_cannot_be_pinned_says_why(client_alice, alice, flow):
    assert "no run whose output" in pin(client_alice, flow, "ask").content.decode()
    run = executed(make_run(flow))
    loop = make_flow(document(each("{{ people }}", log("say")), inputs=PEOPLE), by=alice)
    other = executed(make_run(loop))
    with pytest.raises(NotPinned, match="holds other actions"):
        make_pin(other, loop.current.parsed().find("each"), loop)
    with pytest.raises(NotPinned, match="has no output"):
        make_pin(run, loop.current.parsed().find("say"), loop)


def test_a_reader_and_a_runner_pin_nothing(client_bob, flow):
    executed(make_run(flow))
    assert pin(client_bob, flow, "ask").status_code == 403
    assert 'data-pin="' not in page(client_bob, flow)


def test_pins_go_with_their_flow(client_alice, flow):
    executed(make_run(flow))
    pin(client_alice, flow, "ask")
    flow.remove()
    assert not Pin.objects.exists()


def test_a_pin_that_cannot_be_read_keeps_the_run_from_starting_in_a_sentence(client_alice, flow):
    executed(make_run(flow))
    pin(client_alice, flow, "ask")
    Pin.objects.update(content=Secret("{"))
    answer = start(client_alice, flow)
    assert answer.status_code == 422
    assert "Unpin it, and pin it again" in answer.content.decode()


def test_a_pin_of_a_run_that_used_a_pin_names_the_run_that_called(client_alice, flow):
    first = executed(make_run(flow))
    pin(client_alice, flow, "ask")
    start(client_alice, flow)
    executed(Run.objects.latest("pk"))
    pin(client_alice, flow, "ask", "unpin")
    assert f"Output of run {first.pk}, not called again" in one_line(pin(client_alice, flow, "ask").content.decode())
