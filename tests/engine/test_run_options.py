"""Runs that end early or use pinned outputs, in the database and over the death of their process."""

import asyncio

import pytest

from connections.secret import Secret
from flows.interpreter.journal import ActionFinished
from flows.interpreter.options import PinnedAction, pack_pins
from flows.models import ActionRun, Run, State
from tests.engine.test_durable import chat, document, finish_by_server, kill_at, returns
from tests.factories import finish_run, make_flow

pytestmark = pytest.mark.django_db(transaction=True)


def pins(**texts):
    pinned = {id: PinnedAction(7, {"": ActionFinished("", 1, text, {id: text})}) for id, text in texts.items()}
    return Secret(pack_pins(pinned))


def run_with(flow, **options):
    run = Run.objects.start(flow=flow, inputs={}, by=None, via="designer", **options)
    return finish_run(run)


def test_what_is_pinned_is_not_called_and_leaves_a_record_that_says_so(counting):
    flow = make_flow(document(chat("a", "one"), chat("b", "two {{ a }}"), returns("{{ b }}")))
    run = run_with(flow, pins=pins(a="kept"))
    assert (run.state, run.output) == (State.SUCCEEDED, "<two kept>")
    assert counting.count("one") == 0
    assert (run.pins, run.prompt_tokens) == (None, 3)
    record = run.actions.get(path="a")
    assert (record.state, record.output, record.reason) == (State.SUCCEEDED, "kept", "pinned, output of run 7")


def test_a_run_ends_behind_an_action(counting):
    flow = make_flow(document(chat("a", "one"), chat("b", "two"), returns("{{ b }}")))
    run = run_with(flow, until="a")
    assert (run.state, run.output["text"], counting.count("two")) == (State.SUCCEEDED, "<one>", 0)


def test_options_hold_when_another_process_goes_on(counting, start):
    flow = make_flow(document(chat("a", "hold one"), chat("b", "two"), chat("c", "three {{ b }}"), chat("d", "four")))
    run = kill_at(start, counting, "hold one", flow)
    Run.objects.filter(pk=run.pk).update(pins=pins(b="kept"), until="c")
    ended = asyncio.run(finish_by_server(run))
    assert (ended.state, ended.attempt, ended.pins) == (State.SUCCEEDED, 2, None)
    assert ended.output["text"] == "<three kept>"
    assert [counting.count(prompt) for prompt in ("two", "three kept", "four")] == [0, 1, 0]


def test_pins_that_cannot_be_read_fail_the_run_in_a_sentence(counting):
    run = run_with(make_flow(document(chat("a", "one"))), pins=Secret("{"))
    assert (run.state, run.error["kind"]) == (State.FAILED, "checkpoint")
    assert not ActionRun.objects.filter(run=run).exists()
