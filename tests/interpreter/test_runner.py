"""How a run goes through its actions, with the twins of journal and services."""

import asyncio

import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter import runner
from flows.interpreter.journal import (
    ActionFinished,
    ActionLogged,
    ActionSkipped,
    ActionStarted,
    MemoryJournal,
)
from flows.interpreter.options import PinnedAction, RunOptions
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from tests.documents_of import load
from tests.interpreter.memory_runs import (
    KEY,
    LOG,
    THROW,
    action,
    declare,
    each,
    ends_of,
    failure_of,
    flow,
    log,
    ret,
    run,
)


class Gate(MemoryJournal):
    """Remembers what asked whether it may start, and what had been recorded of it by then."""

    def __init__(self):
        super().__init__()
        self.admitted = []

    async def admit(self, path):
        self.admitted.append((path, [type(event) for event in self.events if getattr(event, "path", "") == path]))


async def test_a_flow_returns_the_text_of_the_answer():
    output, journal = await run("bar-static", question="Why?")
    assert output == "An answer"
    facts = ends_of(journal)["chat"].facts
    assert (facts["connection"], facts["connection_reason"]) == ("simulator", "chosen in the flow")
    assert facts["host"] == "contoso.openai.azure.com"
    assert facts["key_fingerprint"] == Secret(KEY).fingerprint
    assert ends_of(journal)["chat"].usage == {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}


async def test_loops_and_branches_have_paths_of_their_own():
    output, journal = await run("each-word")
    assert output == 2
    paths = [e.path for e in journal.events if isinstance(e, ActionStarted)]
    assert paths == [
        "vars", "each", "each[0]/route", "each[0]/route/say", "each[1]/route", "each[1]/route/count",
        "each[2]/route", "each[2]/route/count", "ret",
    ]  # fmt: skip
    skipped = [e.path for e in journal.events if isinstance(e, ActionSkipped)]
    assert skipped == ["each[0]/route/count", "each[1]/route/say", "each[2]/route/say"]
    assert [(e.level, e.message) for e in journal.events if isinstance(e, ActionLogged)] == [("warning", "a is short")]


async def test_a_disabled_action_is_skipped():
    document = load("each-word")
    document["actions"][1]["disabled"] = True
    output, journal = await run(document)
    assert output == 0
    assert {e.reason for e in journal.events if isinstance(e, ActionSkipped)} == {"disabled"}


async def test_a_disabled_container_is_skipped_with_all_inside():
    _, journal = await run(flow({**each([1], log("a")), "disabled": True}))
    assert [type(e) for e in journal.events] == [ActionSkipped, ActionSkipped]


async def test_an_empty_loop_walks_its_actions_as_skipped():
    _, journal = await run(flow(each([], log("a"), each([1], log("b"), id="more"))))
    skipped = [(e.path, e.reason) for e in journal.events if isinstance(e, ActionSkipped)]
    assert skipped == [("each/a", "no items"), ("each/more", "no items"), ("each/more/b", "no items")]


async def test_return_inside_a_loop_ends_the_run_and_every_block_around():
    output, journal = await run(flow(each([1, 2, 3], ret("{{ item * 10 }}")), log("after")))
    assert output == 10
    assert [(path, type(e)) for path, e in ends_of(journal).items()] == [
        ("each[0]/ret", ActionFinished),
        ("each", ActionFinished),
    ]


async def test_a_flow_without_return_gives_nothing():
    assert (await run(flow(log("a"))))[0] is None


async def test_variables_of_an_iteration_end_with_it_and_globals_stay():
    row = {"name": "seen", "type": "number", "value": "{{ item }}", "global": True}
    local = {"name": "inner", "type": "text", "value": "x"}
    loop = each([1, 2], action("vars", "declare_variables", variables=[row, local]))
    assert (await run(flow(loop, ret("{{ seen }}"))))[0] == 2
    assert "`inner` is not a variable here" in (await failure_of(flow(loop, ret("{{ inner }}")))).error.message


LONG_LOOP = each("{{ range(500) }}", log("a", "{{ item }}"))


@pytest.mark.parametrize(
    ("actions", "least", "most"),
    [([log(f"a{n}") for n in range(200)], 4, 4), ([LONG_LOOP], 10, 600)],  # a loop leaves them a turn by itself
)
async def test_others_get_their_turn_after_each_fifty_actions(actions, least, most):
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await run(flow(*actions))
    task.cancel()
    assert least <= turns <= most


async def test_what_an_action_gives_has_a_bound():
    variables = [{"name": name, "type": "text", "value": "{{ big }}"} for name in "abcde"]
    document = flow(action("v", "declare_variables", variables=variables), inputs=[{"name": "big"}])
    assert (await failure_of(document, big="x" * 9_000_000)).error.kind == "too_large"
    assert await run(document, big="x" * 3_000_000)


BIG = "{{ big ~ big ~ big }}"


@pytest.mark.parametrize(
    ("last", "is_refused"),
    [
        (declare("x", BIG), True),
        (action("s", "set_variable", variable="big", value=BIG), True),
        (action("r", "render_template", template=BIG, result_variable_name="x"), True),
        (ret(["x" * 60, "y" * 60]), True),
        (ret(BIG), False),  # one text has a bound of its own
        (ret(["x" * 20]), False),
    ],
)
async def test_all_that_an_action_gives_counts_wherever_it_stands(monkeypatch, last, is_refused):
    monkeypatch.setattr(runner, "MOST_RESULTS", 100)
    document = flow(last, inputs=[{"name": "big"}])
    if not is_refused:
        assert (await run(document, big="x" * 40))[0]
        return
    error = (await failure_of(document, big="x" * 40)).error
    assert (error.kind, error.hint) == ("too_large", "Work on less at a time.")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "question is missing"),
        ({"question": "x", "other": 1}, "no input other"),
        ({"question": Secret("s")}, "question"),
    ],
)
async def test_inputs_are_checked_before_anything_runs(inputs, words):
    error = (await failure_of("bar-static", **inputs)).error
    assert (error.kind, words in error.message) == ("input", True)


@pytest.mark.parametrize(
    ("type", "given", "value"),
    [("number", "12", 12), ("boolean", "no", False), ("list", "[1]", [1]), ("object", '{"a": 1}', {"a": 1})],
)
async def test_inputs_become_what_they_are_declared_as(type, given, value):
    document = flow(ret("{{ inputs.a }}"), inputs=[{"name": "a", "type": type, "required": True}])
    assert (await run(document, a=given))[0] == value


async def test_every_try_and_every_pinned_action_asks_whether_it_may_start():
    failing = {**THROW, "retry": {"attempts": 2, "delay": 0, "on": ["thrown"]}}
    pinned = PinnedAction(7, {"": ActionFinished("log", 0.0, output="once")})
    journal, options = Gate(), RunOptions(pins={"log": pinned})
    with pytest.raises(RunFailed):
        await execute(parse(flow(LOG, failing)), {}, journal, MemoryServices(), options)
    assert [path for path, _ in journal.admitted] == ["log", "throw", "throw"]
    assert journal.admitted[0][1] == journal.admitted[1][1] == []
    first, second, *_ = journal.events
    assert (type(first), first.path, type(second), second.output) == (ActionStarted, "log", ActionFinished, "once")
    assert second.reason == "pinned, output of run 7"


async def test_a_container_is_not_tried_again_as_a_whole():
    retry, journal = {"attempts": 3, "delay": 0, "on": ["thrown"]}, MemoryJournal()
    failed = await failure_of(flow({**each([1], LOG, THROW), "retry": retry}), journal=journal)
    assert failed.path == "each[0]/throw"
    assert sum(isinstance(event, ActionLogged) for event in journal.events) == 1
