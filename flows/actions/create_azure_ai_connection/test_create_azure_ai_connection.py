import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionFinished, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.language.values import ConnectionValue, display_json

KEY = "planted-key"


async def created(**properties):
    action = {"id": "conn", "type": "create_azure_ai_connection", "properties": properties}
    inputs = [{"name": "api_key", "type": "secret"}]
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]})
    journal = MemoryJournal()
    await execute(document, {"api_key": KEY}, journal, MemoryServices(secrets={"s1": Secret(KEY)}))
    (done,) = [event for event in journal.events if isinstance(event, ActionFinished)]
    return done


@pytest.mark.parametrize("api_key", ["{{ api_key }}", {"secret": "s1"}])
async def test_a_connection_is_made_from_a_key_and_what_the_portal_shows(api_key):
    done = await created(api_key=api_key, endpoint="https://contoso.openai.azure.com/")

    value = done.variables["connection"]
    assert isinstance(value, ConnectionValue)
    assert value.target.key == Secret(KEY)
    assert done.facts["host"] == "contoso.openai.azure.com"
    assert display_json(done.output) == {"connection": "connection", "host": "contoso.openai.azure.com"}
    assert KEY not in repr(done)


async def test_the_variable_can_have_another_name():
    done = await created(
        api_key="{{ api_key }}", endpoint="https://contoso.openai.azure.com", connection_variable_name="tenant"
    )

    assert set(done.variables) == {"tenant"}


async def test_the_page_of_the_portal_is_no_endpoint():
    with pytest.raises(RunFailed) as failed:
        await created(api_key="{{ api_key }}", endpoint="https://ai.azure.com/foundryProject/overview")

    assert failed.value.error.kind == "endpoint"
    assert failed.value.error.hint


@pytest.mark.parametrize("missing", ["api_key", "endpoint"])
async def test_key_and_endpoint_are_needed(missing):
    given = {"api_key": "{{ api_key }}", "endpoint": "https://contoso.openai.azure.com", missing: ""}

    with pytest.raises(RunFailed, match="is missing") as failed:
        await created(**given)
    assert failed.value.error.kind == "property_missing"
