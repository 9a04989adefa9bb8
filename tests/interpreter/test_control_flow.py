"""Loops that are left, errors that are caught, waits, retries and flows in flows, with the journal in memory."""

import asyncio
import time

import pytest

from flows.actions.services import MemoryServices
from flows.interpreter.journal import (
    ActionFailed,
    ActionNoted,
    ActionSkipped,
    ActionStarted,
    ActionWaiting,
    MemoryJournal,
)
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems
from tests.interpreter.memory_runs import action, branch, declare


def add(id, text):
    return action(id, "set_variable", variable="said", value="{{ said }}" + text)


RET = action("ret", "return", value="{{ said }}")


async def run_actions(*actions, journal=None, services=None, inputs=None):
    journal = journal or MemoryJournal()
    document = parse({"format": "foundryflow/1", "name": "x", "actions": [declare("said", ""), *actions, RET]})
    return await execute(document, inputs or {}, journal, services or MemoryServices()), journal


def when(id, condition, *actions):
    return action(id, "if_else", branch(f"{id}-1", *actions, condition=condition))


async def test_while_runs_until_its_condition_fails():
    said, _ = await run_actions(
        action("w", "while", branch("b", add("a", "{{ index }}")), condition="said | length < 3")
    )
    assert said == "012"


async def test_break_leaves_and_continue_goes_on_from_inside_an_if():
    body = branch(
        "b",
        when("skip", "item == 'b'", action("c", "continue")),
        when("stop", "item == 'd'", action("k", "break")),
        add("a", "{{ item }}"),
    )
    said, _ = await run_actions(action("e", "for_each", body, items=list("abcde")))
    assert said == "ac"


async def test_a_while_that_never_ends_is_stopped_at_its_maximum():
    with pytest.raises(RunFailed) as failed:
        await run_actions(action("w", "while", branch("b"), condition="true", max_iterations=500))
    assert failed.value.error.kind == "too_many_iterations"


async def test_ten_thousand_iterations_leave_room_for_others():
    longest, last = 0.0, time.monotonic()

    async def beat():
        nonlocal longest, last
        while True:
            await asyncio.sleep(0)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    other = asyncio.create_task(beat())
    said, _ = await run_actions(action("w", "while", branch("b"), condition="index < 10000"))
    other.cancel()
    assert said == ""
    assert longest < 0.5


async def test_results_of_iterations_are_collected_in_order():
    def loop(width):
        pause = action("p", "wait", seconds="{{ (3 - item) / 100 }}")
        return action(
            "e", "for_each", branch("b", pause), items=[1, 2, 3], parallelism=width, result="{{ item * 10 }}",
            results_variable_name="found",
        )  # fmt: skip

    for width in (1, 3):
        said, _ = await run_actions(
            loop(width), action("s", "set_variable", variable="said", value="{{ found | tojson }}")
        )
        assert said.replace(" ", "") == "[10,20,30]"


async def test_parallel_iterations_run_side_by_side_and_keep_their_variables_apart():
    body = branch("b", add("a", "{{ item }}"), action("p", "wait", seconds=0.1), add("z", "!"))
    started = time.monotonic()
    said, _ = await run_actions(
        action("e", "for_each", body, items=list("abcdefgh"), parallelism=8, result="{{ said }}",
               results_variable_name="found"),
        action("s", "set_variable", variable="said", value="{{ said }}|{{ found | join(',') }}"),
    )  # fmt: skip
    assert said == "|a!,b!,c!,d!,e!,f!,g!,h!"
    assert time.monotonic() - started < 0.6


async def test_the_first_item_that_fails_counts_and_the_others_are_stopped():
    body = branch(
        "b",
        when("one", "item == 2", action("t", "throw", message="two", kind="second")),
        action("p", "wait", seconds=30),
    )
    started = time.monotonic()
    with pytest.raises(RunFailed) as failed:
        await run_actions(action("e", "for_each", body, items=[1, 2, 3], parallelism=3))
    assert (failed.value.error.kind, failed.value.path) == ("second", "e[1]/one/t")
    assert time.monotonic() - started < 5


def try_catch(try_, catch=None, finally_=None, **properties):
    lanes = [branch("g-try", *try_)]
    lanes += [branch("g-catch", *catch)] if catch is not None else []
    lanes += [branch("g-finally", *finally_)] if finally_ is not None else []
    return action("g", "try_catch", *lanes, **properties)


THROW = action("t", "throw", message="no stock of {{ said }}", kind="no_stock", hint="Order more.")
TELL = add("c", "{{ exception.kind }}: {{ exception.message }} ({{ exception.action }})")


async def test_what_fails_in_try_is_told_to_catch_and_finally_follows():
    said, journal = await run_actions(try_catch([add("a", "A"), THROW, add("z", "Z")], [TELL], [add("f", " F")]))
    assert said == "Ano_stock: no stock of A (t) F"
    assert [event.path for event in journal.events if isinstance(event, ActionFailed)] == ["g/t"]


async def test_nothing_caught_when_nothing_fails():
    said, journal = await run_actions(try_catch([add("a", "A")], [TELL], [add("f", "F")]))
    assert said == "AF"
    assert [(e.path, e.reason) for e in journal.events if isinstance(e, ActionSkipped)] == [("g/c", "nothing failed")]


@pytest.mark.parametrize(
    ("inside", "said"),
    [(action("k", "break"), "aF"), (action("c", "continue"), "aFbF"), (action("r", "return", value="R"), "R")],
)
async def test_finally_runs_however_the_block_is_left(inside, said):
    body = branch("b", add("a", "{{ item }}"), try_catch([inside], None, [add("f", "F")]))
    got, journal = await run_actions(action("e", "for_each", body, items=["a", "b"]))
    assert got == said
    assert any(isinstance(event, ActionStarted) and event.path.endswith("g/f") for event in journal.events)


async def test_a_failure_in_catch_goes_on_after_finally():
    with pytest.raises(RunFailed) as failed:
        await run_actions(try_catch([THROW], [{**THROW, "id": "again"}], [add("f", "F")]))
    assert failed.value.path == "g/again"


async def test_a_caught_failure_is_not_executed_again_after_a_restart():
    calls = []

    def flaky(inputs):
        calls.append(1)
        raise RuntimeError("broken")

    flow = [try_catch([action("r", "run_flow", flow="other")], [TELL])]
    services = MemoryServices(flows={"other": flaky})
    _, journal = await run_actions(*flow, services=services)
    said, _ = await run_actions(*flow, services=services, journal=journal.resumed())
    assert said.startswith("internal: The action broke")
    assert len(calls) == 1


async def test_a_wait_ends_when_it_was_to_end_also_after_a_restart():
    flow = [action("p", "wait", seconds=0.3), add("a", "done")]
    journal = MemoryJournal()
    task = asyncio.create_task(run_actions(*flow, journal=journal))
    while not any(isinstance(event, ActionWaiting) for event in journal.events):
        await asyncio.sleep(0.005)
    task.cancel()
    until = next(event.value for event in journal.events if isinstance(event, ActionNoted))
    said, again = await run_actions(*flow, journal=journal.resumed())
    assert said == "done"
    assert next(event.until for event in again.events if isinstance(event, ActionWaiting)) == until
    assert time.time() >= until


async def test_an_action_is_tried_again_when_its_retry_is_for_that():
    tries, began = [], time.time()

    def third_time(inputs):
        tries.append(time.monotonic())
        if len(tries) < 3:
            from flows.language.errors import ActionError

            raise ActionError("server", "503")
        return inputs["n"]

    called = {
        **action("r", "run_flow", flow="other", inputs={"n": 7}, result_variable_name="said"),
        "retry": {"attempts": 3, "delay": 0.05, "backoff": 2, "on": ["server"]},
    }
    said, journal = await run_actions(called, services=MemoryServices(flows={"other": third_time}))
    assert said == 7
    assert tries[2] - tries[1] > tries[1] - tries[0] >= 0.05
    waits = [event for event in journal.events if isinstance(event, ActionWaiting)]
    assert [event.reason for event in waits] == ["Try 2 of 3 after: 503", "Try 3 of 3 after: 503"]
    assert waits[1].until - waits[0].until >= 0.1  # a try and the second delay
    assert 0 < waits[0].until - began <= time.time() - began


async def test_an_action_is_not_tried_again_for_another_reason():
    retry = {"attempts": 3, "delay": 0, "on": ["server"]}
    with pytest.raises(RunFailed) as failed:
        await run_actions({**THROW, "retry": retry})
    assert "tries" not in failed.value.error.facts


async def test_what_was_caught_is_known_inside_catch_alone():
    with pytest.raises(RunFailed) as failed:
        await run_actions(
            try_catch([THROW], []), action("s", "set_variable", variable="said", value="{{ exception.kind }}")
        )
    assert "exception" in failed.value.error.message


async def test_a_timeout_ends_the_action():
    with pytest.raises(RunFailed) as failed:
        await run_actions({**action("p", "wait", seconds=30), "timeout": 0.1})
    assert failed.value.error.kind == "timeout"


async def test_a_flow_runs_another_and_keeps_the_type_of_what_it_returns():
    services = MemoryServices(flows={"double": lambda inputs: inputs["n"] * 2})
    said, _ = await run_actions(
        action("r", "run_flow", flow="double", inputs={"n": "{{ 20 + 1 }}"}, result_variable_name="said"),
        services=services,
    )
    assert said == 42


def test_break_outside_of_a_loop_and_a_catch_variable_elsewhere_are_problems():
    def sentences(*actions):
        document = parse({"format": "foundryflow/1", "name": "x", "actions": [declare("said", ""), *actions]})
        return [problem.message for problem in problems(document)]

    assert "Break is outside of a loop" in sentences(action("k", "break"))[0]
    assert sentences(action("e", "for_each", branch("b", action("k", "break")), items=[1])) == []
    assert sentences(try_catch([THROW], [TELL])) == []
    assert "exception" in sentences(try_catch([TELL]))[0]
    assert "exception" in sentences(try_catch([THROW], [], [TELL]))[0]
