"""A run that ends early, and actions whose outcome is pinned."""

import pytest

from flows.actions.services import MemoryServices
from flows.interpreter.checkpoint import CheckpointError
from flows.interpreter.journal import ActionFinished, ActionStarted, MemoryJournal
from flows.interpreter.options import PinnedAction, RunOptions, pack_pins, unpack_pins
from flows.interpreter.runner import execute
from flows.language.digest import digest_above
from flows.language.document import parse
from flows.language.errors import RunFailed
from tests.interpreter.memory_runs import action, branch, declare
from tests.interpreter.test_control_flow import RET, add, when

EACH = action("each", "for_each", branch("b", add("add", "{{ item }}")), items="{{ [1, 2, 3] }}")


async def run_actions(*actions, journal=None, **options):
    journal = journal or MemoryJournal()
    document = parse({"format": "foundryflow/1", "name": "x", "actions": [declare("said", ""), *actions, RET]})
    return await execute(document, {}, journal, MemoryServices(), RunOptions(**options)), journal


def started_paths(journal):
    return [event.path for event in journal.events if isinstance(event, ActionStarted)]


def pin_of(**outcomes):
    """Of an action that puts text into `said`, by iteration."""
    made = {key.strip("_").replace("_", "."): ActionFinished("", 1, text, {"said": text})
            for key, text in outcomes.items()}  # fmt: skip
    return PinnedAction(4188, made)


async def test_a_run_ends_behind_its_last_action_with_what_that_gave():
    said, journal = await run_actions(add("a", "1"), add("b", "2"), add("c", "3"), until="b")
    assert said == "12"
    assert started_paths(journal) == ["vars", "a", "b"]


async def test_inside_a_branch_the_containers_around_count_as_done():
    said, journal = await run_actions(when("if", "true", add("a", "1"), add("b", "2")), add("c", "3"), until="a")
    assert said == "1"
    assert [event.path for event in journal.events if isinstance(event, ActionFinished)] == ["vars", "if/a", "if"]


async def test_a_path_names_an_iteration_and_an_id_the_first():
    assert (await run_actions(EACH, until="each[1]/add"))[0] == "12"
    assert (await run_actions(EACH, until="add"))[0] == "1"
    assert (await run_actions(EACH, until="each"))[0] == "3 of 3"


async def test_a_loop_with_iterations_side_by_side_ends_too():
    wide = action("each", "for_each", branch("b", add("add", "{{ item }}")), items="{{ [1, 2] }}", parallelism=2)
    assert (await run_actions(wide, until="add"))[0] in ("1", "2")


async def test_where_the_last_action_fails_nothing_catches_it_and_goes_on():
    bad = action("bad", "throw", kind="odd", message="No.")
    attempt = action("try", "try_catch", branch("try-try", bad), branch("try-catch", add("caught", "c")))
    with pytest.raises(RunFailed, match=r"No\."):
        await run_actions(attempt, add("after", "a"), until="bad")


async def test_where_the_way_does_not_lead_to_the_last_action_the_run_goes_to_its_end():
    assert (await run_actions(when("if", "false", add("a", "1")), add("b", "2"), until="a"))[0] == "2"


async def test_a_pinned_action_is_not_executed_and_its_variables_are_set():
    bad = action("bad", "throw", kind="odd", message="No.")
    said, journal = await run_actions(bad, pins={"bad": pin_of(_="from before")})
    assert said == "from before"
    (finished,) = [event for event in journal.events if getattr(event, "reason", "")]
    assert (finished.path, finished.reason) == ("bad", "pinned, output of run 4188")


async def test_in_a_loop_each_iteration_has_its_own_and_what_has_none_is_executed():
    said, _ = await run_actions(EACH, pins={"add": pin_of(_0="x", _2="z")})
    assert said == "z"
    said, _ = await run_actions(EACH, pins={"add": pin_of(_0="x", _1="y")})
    assert said == "y3"


async def test_a_resumed_run_recalls_what_was_pinned():
    _, journal = await run_actions(add("a", "1"), pins={"a": pin_of(_="p")}, until="a")
    said, resumed = await run_actions(add("a", "1"), journal=journal.resumed())
    assert said == "p"
    assert "a" not in started_paths(resumed)


async def test_the_result_goes_into_the_variable_that_the_action_names_now():
    renamed = {"id": "call", "type": "http_request", "properties": {"result_variable_name": "said"}}
    pin = PinnedAction(1, {"": ActionFinished("", 1, "x", {"response": "x"})})
    assert (await run_actions(renamed, pins={"call": pin}))[0] == "x"


def test_pins_are_packed_without_loss():
    pins = {"a": pin_of(_0="x", _1_2="y")}
    assert unpack_pins(pack_pins(pins)) == pins
    for broken in ("{", '{"a": {}}', '{"a": {"run": 1, "outcomes": {"": "{}"}}}'):
        with pytest.raises(CheckpointError):
            unpack_pins(broken)


def test_the_digest_of_what_is_above_knows_edits_that_matter():
    def document(title="", first="1", last="3", condition="true"):
        inside = when("if", condition, add("b", "2"))
        actions = [{**add("a", first), "title": title}, inside, add("c", last)]
        return parse({"format": "foundryflow/1", "name": "x", "actions": actions})

    before = digest_above(document(), "b")
    assert digest_above(document(title="Other", last="9"), "b") == before
    assert digest_above(document(first="9"), "b") != before
    assert digest_above(document(condition="false"), "b") != before
    assert digest_above(document(), "gone") == ""
