import pytest

from flows.actions.return_value.action import as_output
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionStarted, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.language.values import Response

INPUTS = [{"name": "n", "type": "number", "default": 3}, {"name": "api_key", "type": "secret", "default": "planted"}]
AFTER = {"id": "after", "type": "log", "properties": {"message": "x"}}


async def returned(value):
    action = {"id": "ret", "type": "return", "properties": {"value": value}}
    data = {"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": [action, AFTER]}
    journal = MemoryJournal()
    output = await execute(parse(data), {}, journal, MemoryServices())
    return output, [event.path for event in journal.events if isinstance(event, ActionStarted)]


@pytest.mark.parametrize(
    ("value", "output"),
    [("{{ n }}", 3), ("n is {{ n }}", "n is 3"), ({"n": "{{ n }}", "of": [1]}, {"n": 3, "of": [1]}), (None, None)],
)
async def test_the_run_ends_with_the_value(value, output):
    assert await returned(value) == (output, ["ret"])


def test_a_response_is_returned_as_its_text():
    assert as_output({"all": [Response("Hello.", {"total_tokens": 3})]}) == {"all": ["Hello."]}


@pytest.mark.parametrize("value", ["{{ api_key }}", {"deep": ["{{ api_key }}"]}, "{{ inputs }}"])
async def test_a_secret_is_never_the_output(value):
    with pytest.raises(RunFailed) as failed:
        await returned(value)
    assert failed.value.error.kind == "secret_in_output"
