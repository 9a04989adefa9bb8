import pytest

from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed


async def after(type, first, **properties):
    variables = [{"name": "a", "type": type, "value": first}]
    actions = [
        {"id": "vars", "type": "declare_variables", "properties": {"variables": variables}},
        {"id": "set", "type": "set_variable", "properties": {"variable": "a", **properties}},
        {"id": "ret", "type": "return", "properties": {"value": "{{ a }}"}},
    ]  # fmt: skip
    document = parse({"format": "foundryflow/1", "name": "x", "actions": actions})
    return await execute(document, {}, MemoryJournal(), MemoryServices())


@pytest.mark.parametrize(
    ("type", "value", "new", "result"),
    [
        ("number", 1, "{{ a + 1 }}", 2),
        ("number", 1, "7", 7),
        ("text", "x", "{{ a }}!", "x!"),
        ("list", [1], "{{ a + [2] }}", [1, 2]),
        ("object", {}, {"n": "{{ 1 + 1 }}"}, {"n": 2}),
        ("text", "x", "", None),
    ],
)
async def test_a_variable_gets_another_value_of_its_type(type, value, new, result):
    assert await after(type, value, value=new) == result


async def test_a_value_of_another_type_stops_the_run():
    with pytest.raises(RunFailed, match="a: the value is not a number") as failed:
        await after("number", 1, value="many")
    assert (failed.value.error.kind, failed.value.error.hint) == ("variable_type", "Its type is number.")


async def test_a_variable_that_was_not_declared_stops_the_run():
    with pytest.raises(RunFailed, match="b is not a variable here") as failed:
        await after("number", 1, variable="b", value=2)
    assert failed.value.error.kind == "variable_missing"
