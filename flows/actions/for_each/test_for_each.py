import asyncio

import pytest

from flows.actions.for_each.action import ForEach
from flows.actions.services import MemoryServices
from flows.interpreter.journal import (
    ActionCancelled,
    ActionFinished,
    ActionLogged,
    ActionSkipped,
    ActionStarted,
    MemoryJournal,
)
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed


async def lines(items, message="{{ index }}: {{ item }}", **properties):
    body = [{"id": "say", "type": "log", "properties": {"message": message}}]
    action = {
        "id": "each",
        "type": "for_each",
        "properties": {"items": items, **properties},
        "branches": [{"id": "body", "actions": body}],
    }
    journal = MemoryJournal()
    document = parse({"format": "foundryflow/1", "name": "x", "actions": [action]})
    await execute(document, {}, journal, MemoryServices())
    return [(event.path, event.message) for event in journal.events if isinstance(event, ActionLogged)], journal


@pytest.mark.parametrize("items", [["a", "b"], '["a", "b"]', "{{ 'a\nb' | lines }}", "{{ ['a', 'b'] }}"])
async def test_its_actions_run_once_for_every_item(items):
    said, journal = await lines(items)

    assert said == [("each[0]/say", "0: a"), ("each[1]/say", "1: b")]
    assert journal.events[-1] == ActionFinished("each", journal.events[-1].at, output="2 of 2", facts={"iterations": 2})


async def test_item_and_index_can_have_other_names():
    said, _ = await lines([7], "{{ n }}/{{ word }}", item_variable_name="word", index_variable_name="n")

    assert said == [("each[0]/say", "0/7")]


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        (None, "property_missing"),
        ("two words", "not_a_list"),
        ({"a": 1}, "not_a_list"),
        ([0] * 10_001, "too_many_items"),
    ],
)
async def test_anything_but_a_list_stops_the_run(items, kind):
    with pytest.raises(RunFailed) as failed:
        await lines(items)
    assert failed.value.error.kind == kind


def test_item_and_index_exist_only_inside():
    assert ForEach().declares({}) == []
    assert ForEach().inside({"item_variable_name": "word"}) == [("word", ""), ("index", "number")]


def when(id, condition, *actions):
    return {"id": id, "type": "if_else", "branches": [{"id": f"{id}-1", "condition": condition, "actions": [*actions]}]}


def pause(id, seconds):
    return {"id": id, "type": "wait", "properties": {"seconds": seconds}}


def throw(id, message):
    return {"id": id, "type": "throw", "properties": {"message": message}}


async def returned(*body, journal=None, value="{{ found }}", **properties):
    """What is returned behind the loop; `said` is a variable around it."""
    journal = journal or MemoryJournal()
    actions = [
        {
            "id": "vars",
            "type": "declare_variables",
            "properties": {"variables": [{"name": "said", "type": "text", "value": ""}]},
        },
        {
            "id": "each",
            "type": "for_each",
            "properties": {"result": "{{ item }}", "results_variable_name": "found", **properties},
            "branches": [{"id": "body", "actions": list(body)}],
        },
        {"id": "ret", "type": "return", "properties": {"value": value}},
    ]
    document = parse({"format": "foundryflow/1", "name": "x", "actions": actions})
    return await execute(document, {}, journal, MemoryServices()), journal


ADD = {"id": "add", "type": "set_variable", "properties": {"variable": "said", "value": "{{ said }}{{ item }}"}}
WIDTHS = pytest.mark.parametrize("width", [None, 1, 2, 20])


@WIDTHS
async def test_results_are_in_the_order_of_the_items(width):
    later_first = pause("p", "{{ (5 - item) / 200 }}")
    found, _ = await returned(later_first, items=[1, 2, 3, 4, 5], parallelism=width, result="{{ item * 2 }}")

    assert found == [2, 4, 6, 8, 10]


async def test_a_result_may_be_json_and_sees_what_the_iteration_set():
    found, _ = await returned(ADD, items=["a", "b"], result={"said": ["{{ said }}"], "n": "{{ index }}"})

    assert found == [{"said": ["a"], "n": 0}, {"said": ["ab"], "n": 1}]


@WIDTHS
async def test_an_iteration_that_continue_ended_has_no_result(width):
    found, _ = await returned(
        when("w", "item == 2", {"id": "c", "type": "continue"}), items=[1, 2, 3], parallelism=width
    )

    assert found == [1, None, 3]


@WIDTHS
async def test_nothing_counts_behind_the_first_item_that_reached_break(width):
    leave = {"id": "k", "type": "break"}
    body = [
        when("slow", "item == 3", pause("s", 0.02), {**leave, "id": "l"}),
        when("fast", "item == 5", leave),
        pause("p", 0.01),
    ]
    found, journal = await returned(*body, items=list(range(1, 100)), parallelism=width)

    assert found == [1, 2, *[None] * 97]
    begun = [event for event in journal.events if isinstance(event, ActionStarted) and event.path.endswith("/slow")]
    assert len(begun) <= max(width or 1, 5)


async def test_side_by_side_each_iteration_has_its_own_variables():
    found, _ = await returned(
        pause("p", 0.01),
        ADD,
        items=["a", "b"],
        parallelism=2,
        result="{{ said }}",
        value="{{ found | join(',') }}|{{ said }}",
    )

    assert found == "a,b|"


async def test_no_more_than_that_many_are_going_at_the_same_time():
    going, most = set(), 0

    class Counting(MemoryJournal):
        async def record(self, event):
            nonlocal most
            if event.path.endswith("/p"):
                (going.add if isinstance(event, ActionStarted) else going.discard)(event.path)
                most = max(most, len(going))

    waiting = {"id": "p", "type": "run_flow", "properties": {"flow": "other"}}

    class Slow(MemoryServices):
        async def run_flow(self, flow, inputs, step):
            await asyncio.sleep(0.005)
            return await super().run_flow(flow, inputs, step)

    action = {
        "id": "each",
        "type": "for_each",
        "properties": {"items": list(range(20)), "parallelism": 4},
        "branches": [{"id": "body", "actions": [waiting]}],
    }
    document = parse({"format": "foundryflow/1", "name": "x", "actions": [action]})
    await execute(document, {}, Counting(), Slow(flows={"other": lambda inputs: 1}))

    assert most == 4


async def test_the_first_item_that_fails_counts_and_the_others_are_stopped():
    journal = MemoryJournal()
    with pytest.raises(RunFailed) as failed:
        await returned(
            when("w", "item > 1", throw("t", "{{ item }}")),
            pause("p", 3_600),
            items=[1, 2, 3],
            parallelism=3,
            journal=journal,
        )

    assert (failed.value.path, failed.value.error.message) == ("each[1]/w/t", "2")
    assert [event.path for event in journal.events if isinstance(event, ActionCancelled)] == ["each[0]/p"]


async def test_a_return_inside_ends_all():
    back = {"id": "back", "type": "return", "properties": {"value": "{{ item }}"}}
    value, journal = await returned(when("w", "item == 2", back), pause("p", 3_600), items=[1, 2, 3], parallelism=3)

    assert value == 2
    assert "ret" not in [event.path for event in journal.events]


@pytest.mark.parametrize("width", [1, 3])
async def test_a_result_that_cannot_be_evaluated_fails_the_action(width):
    with pytest.raises(RunFailed, match="`nope` is not a variable here") as failed:
        await returned(items=[1, 2, 3], parallelism=width, result="{{ nope }}")
    assert (failed.value.path, failed.value.error.kind) == ("each", "expression")


@WIDTHS
async def test_what_its_actions_did_is_not_done_again_after_a_restart(width):
    flow = {"items": [1, 2, 3], "parallelism": width, "result": "{{ said }}"}
    first, journal = await returned(ADD, **flow)
    again, resumed = await returned(ADD, journal=journal.resumed(), **flow)

    assert again == first
    assert [event.path for event in resumed.events if isinstance(event, ActionStarted)] == ["each"]


async def test_without_items_its_actions_are_left_out():
    found, journal = await returned(ADD, items=[])

    assert found == []
    assert [e.reason for e in journal.events if isinstance(e, ActionSkipped)] == ["no items"]


async def test_others_get_their_turn_in_every_iteration():
    task = asyncio.create_task(returned(items=[0] * 100))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await task

    assert turns >= 100


def test_results_are_a_variable_only_when_they_are_named():
    assert ForEach().declares({"results_variable_name": "found"}) == [("found", "list", False)]
