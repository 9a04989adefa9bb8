import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems


def document(type="list", first=None, **properties):
    variables = [{"name": "found", "type": type, "value": first}]
    actions = [
        {"id": "vars", "type": "declare_variables", "properties": {"variables": variables}},
        {"id": "more", "type": "append_to_list", "properties": {"variable": "found", **properties}},
        {"id": "ret", "type": "return", "properties": {"value": "{{ found }}"}},
    ]
    inputs = [{"name": "key", "type": "secret", "required": False}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": actions})


async def after(journal=None, inputs=None, **given):
    return await execute(document(**given), inputs or {}, journal or MemoryJournal(), MemoryServices())


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({"first": [1], "value": 2}, [1, 2]),
        ({"value": "one"}, ["one"]),
        ({"first": [1], "value": "{{ found }}"}, [1, [1]]),
        ({"first": [1], "value": "{{ found + [5] }}", "lists": "item by item"}, [1, 1, 5]),
        ({"first": [1], "value": 2, "lists": "item by item"}, [1, 2]),
        ({"first": [], "value": {"n": "{{ 1 + 1 }}", "who": ["{{ found | length }}"]}}, [{"n": 2, "who": [0]}]),
        ({"first": [1]}, [1, None]),
    ],
)
async def test_it_adds_an_item(given, result):
    assert await after(**given) == result


async def test_the_record_says_what_was_added_and_not_the_whole_list():
    journal = MemoryJournal()
    await after(journal, first=[1, 2, 3], value="four")

    done = next(event for event in journal.events if getattr(event, "facts", None))
    assert (done.output, done.facts, done.variables) == ("four", {"items": 4}, {"found": [1, 2, 3, "four"]})


async def test_a_secret_stays_one_in_the_list():
    journal = MemoryJournal()
    with pytest.raises(RunFailed, match="A secret cannot be the output of a run"):
        await after(journal, inputs={"key": Secret("k3y")}, value="{{ key }}")

    done = next(event for event in journal.events if getattr(event, "facts", None))
    assert done.variables == {"found": [Secret("k3y")]}


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"type": "object", "first": {"a": 1}, "value": 1}, "variable_type", "found is not a list"),
        ({"variable": "lost", "value": 1}, "variable_missing", "lost is not a variable here"),
        ({"first": [0] * 100_000, "value": 1}, "too_large", "found would have more than 100,000 items"),
    ],
)
async def test_what_is_no_list_stops_the_run_with_a_sentence(given, kind, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await after(**given)
    assert failed.value.error.kind == kind


def test_lint_asks_for_a_variable_of_type_list():
    (found,) = problems(document(type="number", first=1, value=1))
    assert found.message == "`found` is of type number; Variable needs list."
