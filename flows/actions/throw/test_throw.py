import pytest

from flows.actions.services import MemoryServices
from flows.actions.throw.action import Throw
from flows.interpreter.journal import ActionFailed, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.language.nodes import Action
from flows.lint.linter import problems

INPUTS = [{"name": "word", "type": "text", "default": "bolts"}, {"name": "key", "type": "secret", "default": "planted"}]


def throwing(**properties):
    action = {"id": "t", "type": "throw", "properties": properties}
    return parse({"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": [action]})


async def thrown(journal=None, **properties):
    with pytest.raises(RunFailed) as failed:
        await execute(throwing(**properties), {}, journal or MemoryJournal(), MemoryServices())
    return failed.value.error


async def test_it_fails_with_its_kind_message_and_hint():
    error = await thrown(message="No {{ word }}.", kind="no_stock", hint="Order {{ word }}.")

    assert (error.kind, error.message, error.hint) == ("no_stock", "No bolts.", "Order bolts.")


async def test_a_message_is_enough():
    error = await thrown(message="No.")

    assert (error.kind, error.hint) == ("thrown", "")


async def test_the_kind_may_be_computed():
    assert (await thrown(message="No.", kind="no_{{ word }}")).kind == "no_bolts"


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({}, "property_missing", "Message is missing"),
        ({"message": "No.", "kind": "No Stock"}, "property_wrong", "'No Stock' is no kind"),
        ({"message": "No.", "kind": "{{ word | upper }}"}, "property_wrong", "'BOLTS' is no kind"),
        ({"message": "{{ key }}"}, "expression", "it is a secret"),
        ({"message": "It is {{ key }}"}, "expression", "key is a secret"),
    ],
)
async def test_what_can_be_wrong_with_it(properties, kind, words):
    journal = MemoryJournal()
    error = await thrown(journal, **properties)

    assert (error.kind, words in error.message) == (kind, True)
    assert "planted" not in repr([vars(event.error) for event in journal.events if isinstance(event, ActionFailed)])


async def test_a_recorded_failure_is_the_same_after_a_restart():
    journal = MemoryJournal()
    await thrown(journal, message="No.", kind="no_stock")
    resumed = journal.resumed()

    assert (await thrown(resumed, message="Something else.")).kind == "no_stock"
    assert resumed.events == []


@pytest.mark.parametrize(("kind", "wrong"), [("No", True), ("a-b", True), ("no_stock", False), ("{{ word }}", False)])
def test_a_kind_that_is_none_is_a_problem_before_the_run(kind, wrong):
    assert bool(problems(throwing(message="No.", kind=kind))) is wrong
    assert bool(Throw().problems(Action({"id": "t", "type": "throw", "properties": {"kind": kind}}))) is wrong
