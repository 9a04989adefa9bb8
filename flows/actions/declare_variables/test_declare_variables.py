import pytest

from connections.secret import Secret
from flows.actions.declare_variables.action import DeclareVariables
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionFinished, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed


async def declared(*rows):
    action = {"id": "vars", "type": "declare_variables", "properties": {"variables": list(rows)}}
    document = parse({"format": "foundryflow/1", "name": "x", "actions": [action]})
    journal = MemoryJournal()
    await execute(document, {}, journal, MemoryServices())
    (done,) = [event for event in journal.events if isinstance(event, ActionFinished)]
    return {row.name: row.value for row in done.declared}


async def test_values_get_the_type_of_their_variable():
    rows = [
        {"name": "a", "value": "x"},
        {"name": "b", "type": "number", "value": "12"},
        {"name": "c", "type": "list", "value": "{{ [b, a] }}"},
        {"name": "d", "type": "object", "value": {"n": "{{ b + 1 }}"}},
        {"name": "e", "type": "secret", "value": "planted-key"},
        {"name": "f", "type": "list", "value": ""},
    ]

    assert await declared(*rows) == {
        "a": "x",
        "b": 12,
        "c": [12, "x"],
        "d": {"n": 13},
        "e": Secret("planted-key"),
        "f": None,
    }


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"name": "n", "type": "number", "value": "many"}, "Variables: n is not a number: 'many'"),
        ({"name": "n", "type": "connection", "value": "contoso"}, "n is not a connection"),
        ({"name": "n", "type": "date", "value": "x"}, "n has the unknown type date"),
        ({"name": "", "value": "x"}, "a variable has no name"),
        ({"name": "n", "value": "{{ foo }}"}, "`foo` is not a variable here"),
    ],
)
async def test_a_value_that_does_not_fit_stops_the_run(row, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await declared(row)
    assert failed.value.error.kind == "expression"


def test_it_tells_what_it_brings_into_scope():
    rows = [{"name": "a", "type": "list", "global": True}, {"name": "b"}, {"type": "text"}, "odd"]

    assert DeclareVariables().declares({"variables": rows}) == [("a", "list", True), ("b", "text", False)]
    assert DeclareVariables().declares({"variables": "odd"}) == []
