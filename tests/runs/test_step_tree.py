"""Steps stand as the flow nests them, lanes that were not taken last, with what was never reached."""

import pytest

from flows.language.document import parse
from flows.models import ActionRun, State
from flows.runs.step_tree import UnreachedSteps, in_flow_order, parts_of


def log(id):
    return {"id": id, "type": "log", "title": id.upper(), "properties": {"message": "x"}}


def lanes(id, type, **actions):
    branches = [{"id": f"{id}-{name}", "title": name, "condition": "true" if name == "yes" else None, "actions": inside}
                for name, inside in actions.items()]  # fmt: skip
    for branch in branches:
        if branch["condition"] is None:
            del branch["condition"]
    return {"id": id, "type": type, "properties": {}, "branches": branches}


DOCUMENT = parse(
    {
        "format": "foundryflow/1",
        "name": "x",
        "actions": [
            log("first"),
            lanes("if", "if_else", yes=[log("y1"), log("y2")], other=[log("n1")]),
            {**lanes("each", "for_each", body=[log("b1"), log("b2")]), "properties": {"items": "{{ [1] }}"}},
            log("last"),
        ],
    }
)


def records(*steps):
    """Of paths in the order in which they began; "-" before a skipped one, "." before one that goes."""
    states = {"-": State.SKIPPED, ".": State.RUNNING}
    return [
        ActionRun(
            path=step.lstrip("-."), order=at, state=states.get(step[0], State.SUCCEEDED),
            reason="branch not taken" if step[0] == "-" else "",
        )
        for at, step in enumerate(steps)
    ]  # fmt: skip


def ordered(*steps):
    return [step.path for step in in_flow_order(records(*steps), DOCUMENT)]


def unreached(*steps, ended=True, in_loops=True):
    found = UnreachedSteps(records(*steps), ended=ended, in_loops=in_loops).find(DOCUMENT)
    return [f"{step.path}?" if step.may_come else step.path for step in found]


def test_the_lane_that_was_taken_comes_before_the_one_that_was_not():
    assert ordered("first", "if", "-if/y1", "-if/y2", "if/n1") == ["first", "if", "if/n1", "if/y1", "if/y2"]
    assert ordered("if", "-if/n1", "if/y1", "if/y2") == ["if", "if/y1", "if/y2", "if/n1"]


def test_what_was_disabled_stays_where_it_is():
    steps = records("if", "-if/y1", "if/y2")
    steps[1].reason = "disabled"
    assert [step.path for step in in_flow_order(steps, DOCUMENT)] == ["if", "if/y1", "if/y2"]


def test_iterations_that_went_together_are_told_apart():
    mixed = ["each", "each[1]/b1", "each[0]/b1", "each[10]/b1", "each[0]/b2", "each[2]/b1", "each[1]/b2"]
    assert ordered(*mixed) == [
        "each", "each[0]/b1", "each[0]/b2", "each[1]/b1", "each[1]/b2", "each[2]/b1", "each[10]/b1",
    ]  # fmt: skip
    assert ordered("each[1]/b1", "each[0]/b2") == ["each[0]/b2", "each[1]/b1"]  # the loop is on another page


def test_without_a_document_steps_stand_as_they_began():
    steps = records("b", "a", "a/d", "a/c")
    assert [step.path for step in in_flow_order(steps, None)] == ["b", "a", "a/d", "a/c"]


def test_what_was_never_reached_is_found_on_every_level():
    assert unreached("first", "if", "-if/n1", "if/y1") == ["if/y2", "each", "each/b1", "each/b2", "last"]
    assert unreached("first", "-if", "-if/y1", "-if/y2", "-if/n1", "each", "each[0]/b1", "each[1]/b1", "each[1]/b2") == [
        "each[0]/b2", "last",
    ]  # fmt: skip
    everything = ["first", "-if", "-if/y1", "each", "-each/b1", "-each/b2", "last"]
    assert unreached(*everything) == []


def test_while_a_run_goes_it_can_come_where_its_block_still_goes():
    assert unreached(".first", ended=False) == [
        "if?", "if/y1?", "if/y2?", "if/n1?", "each?", "each/b1?", "each/b2?", "last?",
    ]  # fmt: skip
    assert unreached("first", "if", "if/y1", "-if/n1", ".each", "each[0]/b1", ".each[1]/b1", ended=False) == [
        "if/y2", "each[0]/b2", "each[1]/b2?", "last?",
    ]  # fmt: skip


def test_of_records_outside_of_loops_nothing_is_said_of_what_is_inside():
    assert unreached("first", "-if", "each", in_loops=False) == ["last"]
    assert unreached("first", "-if", in_loops=False) == ["each", "each/b1", "each/b2", "last"]


@pytest.mark.parametrize(
    ("path", "parts"),
    [("a", ["a"]), ("each[3]/chat", ["each", "3", "chat"]), ("a[1]/b[22]/c", ["a", "1", "b", "22", "c"])],
)
def test_a_path_has_parts(path, parts):
    assert parts_of(path) == parts
