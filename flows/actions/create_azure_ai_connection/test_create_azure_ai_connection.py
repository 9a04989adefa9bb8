import asyncio

import pytest

from connections.foundry.values import Completion, Usage
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


APP = {"sign_in": "client_secret", "tenant_id": "contoso.example", "client_id": "app", "client_secret": "{{ api_key }}"}


async def test_an_app_signs_in_instead_of_a_key():
    done = await created(endpoint="https://contoso.openai.azure.com", **APP)
    target = done.variables["connection"].target
    assert not target.key
    assert (target.identity.method, target.identity.tenant_id, target.identity.client_id) == (
        "client_secret",
        "contoso.example",
        "app",
    )
    assert target.identity.secret == Secret(KEY)
    assert done.facts["key_fingerprint"] == Secret(KEY).fingerprint
    assert KEY not in repr(done)


async def test_the_identity_of_the_server_needs_nothing_else():
    done = await created(endpoint="https://contoso.openai.azure.com", sign_in="managed_identity")
    assert done.variables["connection"].target.identity.is_own
    assert done.facts["key_fingerprint"] == ""


@pytest.mark.parametrize("missing", ["tenant_id", "client_id", "client_secret"])
async def test_an_app_needs_all_three(missing):
    with pytest.raises(RunFailed) as failed:
        await created(endpoint="https://contoso.openai.azure.com", **{**APP, missing: None})
    assert failed.value.error.kind == "property_missing"


async def test_a_customer_is_told_wherever_the_connection_is_shown():
    done = await created(
        api_key="{{ api_key }}", endpoint="https://contoso.openai.azure.com", customer="{{ 'Fabrikam' }}"
    )
    assert done.facts["customer"] == done.variables["connection"].target.customer == "Fabrikam"
    assert display_json(done.output)["customer"] == "Fabrikam"


async def test_limits_are_counted_by_customer_host_and_key():
    given = {"api_key": "{{ api_key }}", "endpoint": "https://contoso.openai.azure.com", "requests_per_minute": 3}
    one, again = await created(**given, customer="A"), await created(**given, customer="A")
    other = await created(**given, customer="B")
    accounts = [done.variables["connection"].target.account for done in (one, again, other)]
    assert accounts[0] == accounts[1] != accounts[2]
    assert one.variables["connection"].target.limits.requests == 3
    assert KEY not in accounts[0]


async def test_to_spill_over_somewhere_must_be_chosen():
    given = {"api_key": "{{ api_key }}", "endpoint": "https://contoso.openai.azure.com", "tokens_per_day": 9}
    with pytest.raises(RunFailed, match="Spill over to"):
        await created(**given, when_reached="spill")
    done = await created(**given, when_reached="spill", spill_over_to="spare")
    assert done.variables["connection"].target.limits.spill_over_to == "spare"


class SwitchingClient:
    """Lets others go on at every piece of an answer, which is the key that it was called with."""

    def __init__(self):
        self.wrong, self.switches, self._last = [], 0, None

    async def chat(self, target, request):
        for _ in range(12):
            self.switches += self._last not in (None, target.customer)
            self._last = target.customer
            await asyncio.sleep(0)
        if not (target.customer == request.messages[0].content == target.key.reveal().removeprefix("key of ")):
            self.wrong.append((target.customer, request.messages[0].content))
        yield Completion(target.customer, None, "stop", Usage(1, 1, 2), "m", None, 200, "")


async def test_customers_in_flight_never_see_the_connection_of_another():
    """More than ten thousand times another customer's call goes on between two steps of one."""
    create = {
        "id": "create",
        "type": "create_azure_ai_connection",
        "properties": {
            "api_key": "{{ customer.key }}",
            "endpoint": "https://{{ customer.name }}.openai.azure.com",
            "customer": "{{ customer.name }}",
        },
    }
    chat = {
        "id": "chat",
        "type": "chat_completion",
        "properties": {"dynamic_connection": "connection", "model": "m", "user_prompt": "{{ customer.name }}"},
    }
    each = {
        "id": "each",
        "type": "for_each",
        "properties": {
            "items": "{{ customers }}",
            "item_variable_name": "customer",
            "parallelism": 20,
            "result": "{{ response.text }}",
            "results_variable_name": "answers",
        },
        "branches": [{"id": "body", "actions": [create, chat]}],
    }
    back = {"id": "back", "type": "return", "properties": {"value": "{{ answers }}"}}
    inputs = [{"name": "customers", "type": "list", "secret_parts": ["key"]}]
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [each, back]})
    names, client = [f"customer-{number}" for number in range(1_000)], SwitchingClient()
    customers = [{"name": name, "key": f"key of {name}"} for name in names]
    answers = await execute(document, {"customers": customers}, MemoryJournal(), MemoryServices(client))
    assert (answers, client.wrong) == (names, [])
    assert client.switches > 10_000


async def test_what_is_wrong_is_said_of_the_customer():
    with pytest.raises(RunFailed) as failed:
        await created(api_key="{{ api_key }}", endpoint="https://ai.azure.com/foundryProject", customer="Fabrikam")
    assert failed.value.error.message.startswith("Fabrikam: ")
