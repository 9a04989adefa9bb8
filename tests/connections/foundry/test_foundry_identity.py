"""The server's own identity goes to resources and to listed hosts; nobody else says which audience a token has."""

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.auth import identity_refusal
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import ChatRequest, Identity, Message, Target
from connections.secret import Secret
from tests.connections.foundry.stub import QUICK

AI, ML = "https://ai.azure.com/.default", "https://ml.azure.com/.default"
OWN = Identity("managed_identity")
SIGNED = Identity("client_secret", "tenant", "client", Secret("the-client-secret"))
RESOURCES = [
    f"https://r.{family}.azure.{cloud}/openai/v1"
    for family in ("openai", "services.ai", "cognitiveservices")
    for cloud in ("com", "us", "cn")
]
STRANGERS = [
    "https://mine.eastus.inference.ml.azure.com/v1",
    "https://mine.eastus2.models.ai.azure.com",
    "https://mine.azure-api.net/openai/v1",
    "https://eastus.api.cognitive.microsoft.com/openai/v1",
    "https://gw.contoso.com/v1",
    "https://r.openai.azure.com.evil.example/v1",
    "https://ropenai.azure.com/v1",
    "https://r.openai.azure.com.br/v1",
    "https://x.azure.us.evil.example/v1",
    "https://1.2.3.4/v1",
]


class Tokens:
    def __init__(self):
        self.asked = []

    async def token(self, identity, scope, *, fresh=False):
        self.asked.append(scope)
        return Secret(f"token-for-{scope}")

    async def aclose(self):
        pass


class Greedy:
    """Refuses every token and names the audience that it would like to have."""

    def __init__(self, audience="https://cognitiveservices.azure.com"):
        self.audience, self.asked = audience, 0

    def __call__(self, request):
        self.asked += 1
        return httpx.Response(
            401, json={"message": f"Access token is missing, audience is incorrect ({self.audience})."}
        )


async def called(endpoint, identity, destinations=""):
    """The scopes that tokens were asked for, the requests that arrived, and the error."""
    service, tokens = Greedy(), Tokens()
    client = FoundryClient(
        destinations=Destinations.parse(destinations),
        transport=httpx.MockTransport(service),
        retry=QUICK,
        tokens=tokens,
    )
    to = Target("contoso", parse_endpoint(endpoint), Secret(""), identity)
    with pytest.raises(FoundryError) as caught:
        async for _ in client.chat(to, ChatRequest("m", (Message("user", "Where?"),), stream=False)):
            pass
    await client.deployments(to)
    return set(tokens.asked), service.asked, caught.value


@pytest.mark.parametrize("endpoint", RESOURCES)
async def test_a_resource_gets_a_token_of_the_server_and_is_believed_about_its_audience(endpoint):
    scopes, asked, _ = await called(endpoint, OWN)
    assert asked
    assert "https://cognitiveservices.azure.com/.default" in scopes


@pytest.mark.parametrize("endpoint", STRANGERS)
async def test_a_stranger_gets_no_token_of_the_server(endpoint):
    scopes, asked, error = await called(endpoint, OWN)
    assert (scopes, asked) == (set(), 0)
    assert error.kind is ErrorKind.BLOCKED_DESTINATION
    assert "no token of this server" in error.message
    assert f"{parse_endpoint(endpoint).address[0]}:443" in error.hint


@pytest.mark.parametrize("endpoint", STRANGERS)
async def test_a_listed_host_gets_a_token_but_names_no_audience(endpoint):
    host, port = parse_endpoint(endpoint).address
    scopes, asked, _ = await called(endpoint, OWN, f"{host}:{port}")
    assert asked
    assert scopes == {parse_endpoint(endpoint).scope}


async def test_a_range_of_addresses_may_be_called_but_is_trusted_with_nothing():
    scopes, asked, _ = await called("https://10.0.0.4/v1", OWN, "10.0.0.0/8")
    assert (scopes, asked) == (set(), 0)


@pytest.mark.parametrize("endpoint", STRANGERS)
async def test_a_typed_identity_goes_where_its_connection_points_for_an_audience_that_nobody_there_chooses(endpoint):
    scopes, asked, _ = await called(endpoint, SIGNED)
    assert asked
    assert scopes == {parse_endpoint(endpoint).scope}
    assert scopes <= {AI, ML}


def test_each_kind_of_stranger_is_told_apart():
    said = [identity_refusal(parse_endpoint(endpoint))[0] for endpoint in STRANGERS[:5]]
    assert "rented by anybody" in said[0]
    assert "rented by anybody" in said[1]
    assert "no host of Microsoft" in said[2]
    assert "whole region" in said[3]
