import pytest

from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems


def document(type="number", first=1, **properties):
    variables = [{"name": "n", "type": type, "value": first}]
    actions = [
        {"id": "vars", "type": "declare_variables", "properties": {"variables": variables}},
        {"id": "more", "type": "increment_variable", "properties": {"variable": "n", **properties}},
        {"id": "ret", "type": "return", "properties": {"value": "{{ n }}"}},
    ]
    return parse({"format": "foundryflow/1", "name": "x", "actions": actions})


async def after(**given):
    return await execute(document(**given), {}, MemoryJournal(), MemoryServices())


@pytest.mark.parametrize(
    ("first", "by", "result"),
    [(1, None, 2), (1, 4, 5), (10, "-3", 7), (0.5, "{{ n }}", 1), (None, 2, 2), ("7", 1, 8)],
)
async def test_it_adds_to_a_number(first, by, result):
    total = await after(first=first, **({} if by is None else {"by": by}))

    assert total == result
    assert isinstance(total, float if isinstance(first, float) else int)


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"type": "text", "first": "many"}, "variable_type", "n is not a number: 'many'"),
        ({"first": 1e308, "by": 1e308}, "variable_type", "n becomes larger than any number"),
        ({"variable": "m"}, "variable_missing", "m is not a variable here"),
        ({"by": "many"}, "expression", "By: is not a number"),
    ],
)
async def test_what_is_no_number_stops_the_run_with_a_sentence(given, kind, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await after(**given)
    assert failed.value.error.kind == kind


def test_lint_asks_for_a_variable_of_type_number():
    (found,) = problems(document(type="text", first="x"))
    assert found.message == "`n` is of type text; Variable needs number."


async def test_a_loop_counts_and_collects():
    variables = [{"name": "n", "type": "number", "value": 0}, {"name": "found", "type": "list"}]
    body = [
        {"id": "more", "type": "increment_variable", "properties": {"variable": "n", "by": "{{ item }}"}},
        {"id": "add", "type": "append_to_list", "properties": {"variable": "found", "value": "{{ n }}"}},
    ]
    actions = [
        {"id": "vars", "type": "declare_variables", "properties": {"variables": variables}},
        {
            "id": "loop",
            "type": "for_each",
            "properties": {"items": "{{ [1, 2, 3] }}"},
            "branches": [{"id": "loop-body", "actions": body}],
        },
        {"id": "ret", "type": "return", "properties": {"value": "{{ found }}"}},
    ]
    flow = parse({"format": "foundryflow/1", "name": "x", "actions": actions})

    assert problems(flow) == []
    assert await execute(flow, {}, MemoryJournal(), MemoryServices()) == [1, 3, 6]
