"""Which iteration of each loop the chart shows, and where the record of each action is then."""

import pytest

from flows.flowchart.run_states import RunStates
from flows.language.document import parse
from flows.models import ActionRun, Run, State
from tests.factories import make_flow


def log(id):
    return {"id": id, "type": "log"}


def each(id, *actions):
    return {"id": id, "type": "for_each", "branches": [{"id": f"{id}-body", "actions": list(actions)}]}


DOCUMENT = {
    "format": "foundryflow/1",
    "name": "x",
    "actions": [
        each("each", log("ask"), {"id": "if", "type": "if_else", "branches": [{"id": "b", "actions": [each("part", log("say"))]}]}),
        log("last"),
    ],
}  # fmt: skip


def going(path, state=State.RUNNING):
    return ActionRun(path=path, state=state)


def states_of(chosen=(), records=()):
    states = RunStates(Run(), parse(DOCUMENT), chosen)
    states.going = list(records)  # what the database would say, the newest first
    return states


@pytest.mark.parametrize(
    ("chosen", "records", "places"),
    [
        (["each[2]", "each[2]/if/part[0]"], [], {"each": "each[2]", "each[2]/if/part": "each[2]/if/part[0]"}),
        (["each[2]", "each[1]", "each", "each[2]/if/part[7]"], [], {"each": "each[2]", "each[2]/if/part": "each[2]/if/part[7]"}),
        ([], [going("each[1]/if/part[3]/say"), going("each[0]/ask")], {"each": "each[1]", "each[1]/if/part": "each[1]/if/part[3]"}),
        (["each[0]"], [going("each[1]/if/part[3]/say"), going("each[0]/if/part[4]/say")], {"each": "each[0]", "each[0]/if/part": "each[0]/if/part[4]"}),
        ([], [going("each[4]/if/part[0]/say", State.WAITING), going("each[12]/if/part[1]/say")], {"each": "each[12]", "each[12]/if/part": "each[12]/if/part[1]"}),
        ([], [going("each[5]/if/part[0]/say"), going("each[4]/if/part[0]", State.WAITING), going("each[4]/if")], {"each": "each[5]", "each[5]/if/part": "each[5]/if/part[0]"}),
        ([], [going("each[4]/if"), going("each[4]/if/part[0]/say", State.WAITING), going("each[5]/if/part[0]/say")], {"each": "each[5]", "each[5]/if/part": "each[5]/if/part[0]"}),
    ],
)  # fmt: skip
def test_a_loop_shows_the_iteration_that_is_chosen_or_goes(chosen, records, places):
    assert states_of(chosen, records).places == places


def test_the_record_of_an_action_is_in_the_iteration_that_is_shown():
    assert states_of(["each[2]", "each[2]/if/part[0]"]).paths == {
        "each": "each",
        "ask": "each[2]/ask",
        "if": "each[2]/if",
        "part": "each[2]/if/part",
        "say": "each[2]/if/part[0]/say",
        "last": "last",
    }


@pytest.mark.django_db
def test_a_loop_of_which_nothing_goes_shows_the_iteration_that_was_reached_last():
    run = Run.objects.start(flow=make_flow(DOCUMENT), inputs={}, by=None, via="designer")
    paths = ["each", "each[0]/ask", "each[1]/ask", "each[10]/ask", "each[10]/if"]
    ActionRun.objects.bulk_create(
        ActionRun(
            run=run, path=path, action_id=path.rpartition("/")[2], type="log", title="x", state=State.SUCCEEDED,
            event=1, order=number, facts={"decision": "1 > 0"} if path.endswith("if") else {},
        )
        for number, path in enumerate(paths)
    )  # fmt: skip
    states = RunStates(run, parse(DOCUMENT))
    assert (states.places, states.going) == ({"each": "each[10]"}, [])
    assert states.paths["say"] == "each[10]/if/part/say"
    assert {id: record.path for id, record in states.records.items()} == {
        "each": "each", "ask": "each[10]/ask", "if": "each[10]/if",
    }  # fmt: skip
    assert [states.decision_of(states.records[id]) for id in ("if", "ask")] == ["1 > 0", ""]
