"""The connection that is made: who signs in where, in whose account, within which limits."""

from types import SimpleNamespace

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Identity, Limits, WhenReached
from connections.secret import Secret
from flows.actions.create_azure_ai_connection.action import (
    CreateAzureAIConnection,
    Properties,
    account_of,
    make_target,
    read_endpoint,
    read_identity,
    read_key,
    read_limits,
)
from flows.language.errors import ActionError

URL = "https://contoso.openai.azure.com/openai/v1"
CHINA = parse_endpoint("https://contoso.openai.azure.cn/openai/v1")


def properties(**more):
    return Properties(**{"api_key": Secret("planted-key"), "endpoint": URL, **more})


SPILL = {"when_reached": "spill", "spill_over_to": "spare"}
APP = {"sign_in": "client_secret", "tenant_id": "t", "client_id": "c", "client_secret": Secret("s")}


@pytest.mark.parametrize(
    ("given", "identity"),
    [
        ({}, None),
        ({"sign_in": "managed_identity"}, Identity("managed_identity", authority=CHINA.authority)),
        (
            {"sign_in": "managed_identity", "client_id": "c"},
            Identity("managed_identity", client_id="c", authority=CHINA.authority),
        ),
        (APP, Identity("client_secret", "t", "c", Secret("s"), authority=CHINA.authority)),
    ],
)
def test_a_key_an_app_or_the_server_itself_signs_in(given, identity):
    assert read_identity(properties(**given), CHINA) == identity
    assert CHINA.authority != parse_endpoint(URL).authority


@pytest.mark.parametrize(
    ("name", "label"), [("tenant_id", "Tenant id"), ("client_id", "Client id"), ("client_secret", "Client secret")]
)
def test_an_app_needs_all_three(name, label):
    with pytest.raises(ActionError) as refused:
        read_identity(properties(**{**APP, name: None}), CHINA)
    assert (refused.value.kind, refused.value.message) == ("property_missing", f"{label} is empty.")


def refusal(deed, *args):
    with pytest.raises(ActionError) as refused:
        deed(*args)
    return refused.value.kind, refused.value.message


def test_what_is_not_there_is_refused():
    assert refusal(read_key, properties(api_key=None)) == ("property_missing", "API key is empty.")
    assert refusal(read_endpoint, "https://ai.azure.com/overview")[0] == "endpoint"
    assert refusal(read_endpoint, f"{URL}?api-key={'0123456789abcdef' * 2}")[0] == "endpoint"
    spill = properties(when_reached="spill")
    assert refusal(read_limits, spill) == ("property_missing", "Spill over to is empty.")


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({}, None),
        ({"when_reached": "fail"}, None),
        ({"max_calls": 1}, Limits(1, None, None, None, WhenReached.WAIT, "")),
        ({"requests_per_minute": 2, "tokens_per_minute": 3, "tokens_per_day": 4, **SPILL},
         Limits(None, 2, 3, 4, WhenReached.SPILL, "spare")),
    ],
)  # fmt: skip
def test_limits_are_those_that_are_given(given, limits):
    assert read_limits(properties(**given)) == limits


def test_those_that_sign_in_alike_share_an_account():
    one = make_target(properties(), "Fabrikam")
    assert one.account == account_of(one)
    assert one.account.startswith("Fabrikam@contoso.openai.azure.com#")
    assert len(one.account.rpartition("#")[2]) == 16
    same, other = (
        make_target(properties(), "Fabrikam"),
        make_target(properties(api_key=Secret("planted-other")), "Fabrikam"),
    )
    assert (one.account == same.account, one.account == other.account) == (True, False)
    assert len(make_target(properties(), "x" * 1_000).account) == 400
    app = make_target(properties(**APP), "")
    assert (app.key, app.identity.secret, app.name, app.customer) == (
        Secret(""),
        Secret("s"),
        "contoso.openai.azure.com",
        "",
    )


async def made(**given):
    step = SimpleNamespace(facts={})
    return await CreateAzureAIConnection().execute(properties(**given), step), step.facts


async def test_the_record_says_which_connection_was_made_for_whom():
    done, told = await made(customer=" Fabrikam ", connection_variable_name="tenant")
    target = done.output.target
    assert (done.variables, done.output.name, target.customer) == ({"tenant": done.output}, "tenant", "Fabrikam")
    assert (done.facts, done.warning) == (
        {
            "host": "contoso.openai.azure.com", "key_fingerprint": target.fingerprint,
            "endpoint_kind": target.endpoint.label, "customer": "Fabrikam",
        },
        None,
    )  # fmt: skip
    assert told == {"customer": "Fabrikam"}
    plain, told = await made()
    assert ("customer" in plain.facts, told) == (False, {})


async def test_what_is_odd_about_the_endpoint_is_a_warning():
    done, _ = await made(endpoint="https://contoso.services.ai.azure.com/models")
    assert done.warning == " ".join(done.output.target.endpoint.warnings) != ""


@pytest.mark.parametrize(("customer", "prefix"), [("Fabrikam", "Fabrikam: "), ("", "")])
async def test_what_is_wrong_is_said_of_the_customer(customer, prefix):
    step = SimpleNamespace(facts={})
    with pytest.raises(ActionError) as refused:
        await CreateAzureAIConnection().execute(properties(api_key=None, customer=customer), step)
    assert refused.value.message == f"{prefix}API key is empty."
    assert step.facts == ({"customer": "Fabrikam"} if customer else {})
