"""Tokens of Microsoft Entra ID: for the right audience, asked for once, replaced in time, given to nobody else."""

import asyncio
import datetime
from dataclasses import dataclass

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import aio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.auth import EntraTokens, credential_of, scope_named_in
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import ChatRequest, Identity, Message, Target
from connections.secret import Secret
from tests.connections.foundry.stub import QUICK

NOW = 1_800_000_000.0
PLANTED = "planted-client-secret"
SIGNED = Identity("client_secret", "tenant", "client", Secret(PLANTED))
AI, CLASSIC = "https://ai.azure.com/.default", "https://cognitiveservices.azure.com/.default"
ROOT = "https://r.openai.azure.com"


@dataclass
class Token:
    token: str
    expires_on: int


class Credential:
    """Stands for a credential of azure-identity."""

    def __init__(self, lasts=3600, error=None):
        self.lasts, self.error, self.asked, self.closed = lasts, error, [], False

    async def get_token(self, *scopes):
        self.asked += scopes
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return Token(f"token-{len(self.asked)}-for-{scopes[0]}", int(NOW) + self.lasts)

    async def close(self):
        self.closed = True


def tokens_of(credential, clock=lambda: NOW):
    return EntraTokens(lambda identity: credential, clock)


@pytest.mark.parametrize(
    ("endpoint", "scope"),
    [
        (f"{ROOT}/openai/v1", AI),
        ("https://r.services.ai.azure.com/api/projects/P", AI),
        ("https://r.services.ai.azure.com/api/projects/P/openai/responses?api-version=2025-11-15-preview", AI),
        ("https://r.services.ai.azure.com/models", AI),
        (f"{ROOT}/openai/deployments/d", CLASSIC),
        (f"{ROOT}/openai/responses?api-version=2025-04-01-preview", CLASSIC),
        ("https://x.eastus2.models.ai.azure.com", "https://ml.azure.com/.default"),
        ("https://r.openai.azure.us/openai/v1", "https://cognitiveservices.azure.us/.default"),
    ],
)
def test_each_route_has_its_scope(endpoint, scope):
    assert parse_endpoint(endpoint).scope == scope


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("Access token is missing, invalid, audience is incorrect (https://ai.azure.com), or have expired.", AI),
        ("audience is incorrect (https://cognitiveservices.azure.com/)", CLASSIC),
        ("audience is incorrect (https://ai.azure.com/.default)", AI),
        ("Unauthorized", ""),
    ],
)
def test_the_audience_is_read_out_of_a_refusal(text, scope):
    assert scope_named_in(text) == scope


async def test_a_token_is_asked_for_once_however_many_want_it():
    credential = Credential()
    tokens = tokens_of(credential)
    found = await asyncio.gather(*(tokens.token(SIGNED, AI) for _ in range(50)))
    assert len(credential.asked) == 1
    assert set(found) == {Secret(f"token-1-for-{AI}")}


async def test_a_token_is_replaced_five_minutes_before_it_ends():
    now = [NOW]
    credential = Credential()
    tokens = tokens_of(credential, lambda: now[0])
    await tokens.token(SIGNED, AI)
    now[0] += 3600 - 301
    await tokens.token(SIGNED, AI)
    assert len(credential.asked) == 1
    now[0] += 2
    await tokens.token(SIGNED, AI)
    assert len(credential.asked) == 2


async def test_a_refused_sign_in_is_a_typed_error_without_the_secret():
    error = ClientAuthenticationError(f"AADSTS7000215: Invalid client secret {PLANTED} provided.")
    with pytest.raises(FoundryError) as caught:
        await tokens_of(Credential(error=error)).token(SIGNED, AI)
    assert caught.value.kind is ErrorKind.AUTH_TOKEN
    assert "client secret is wrong" in caught.value.message
    assert PLANTED not in caught.value.message + caught.value.raw


async def test_credentials_are_closed_with_the_client():
    credential = Credential()
    tokens = tokens_of(credential)
    await tokens.token(SIGNED, AI)
    await tokens.aclose()
    assert credential.closed


def pem():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "contoso")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(day).not_valid_after(day + datetime.timedelta(days=9999))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)).decode()


@pytest.mark.parametrize(
    ("identity", "type"),
    [
        (Identity("client_secret", "tenant", "client", Secret("s")), aio.ClientSecretCredential),
        (Identity("client_secret", "tenant", "client", Secret("s"), authority="login.microsoftonline.us"), aio.ClientSecretCredential),
        (Identity("managed_identity", client_id="client"), aio.ManagedIdentityCredential),
        (Identity("azure_cli"), aio.DefaultAzureCredential),
    ],
)  # fmt: skip
async def test_every_method_has_its_credential(identity, type):
    credential = credential_of(identity)
    assert isinstance(credential, type)
    await credential.close()


async def test_a_certificate_signs_in():
    credential = credential_of(Identity("certificate", "tenant", "client", Secret(pem())))
    assert isinstance(credential, aio.CertificateCredential)
    await credential.close()


async def test_a_certificate_that_is_none_is_said_to_be_one():
    with pytest.raises(FoundryError) as caught:
        await EntraTokens().token(Identity("certificate", "tenant", "client", Secret("not a certificate")), AI)
    assert caught.value.kind is ErrorKind.AUTH_TOKEN


class Service:
    """Accepts tokens for one audience, and only those that are not stale."""

    def __init__(self, audience, stale=()):
        self.audience, self.stale, self.asked = audience, stale, []

    def __call__(self, request):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.asked.append(token)
        if token.endswith(f"-for-{self.audience}/.default") and token not in self.stale:
            return httpx.Response(200, json={"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]})
        message = (
            f"Unauthorized. Access token is missing, invalid, audience is incorrect ({self.audience}), or have expired."
        )
        return httpx.Response(401, json={"statusCode": 401, "message": message})


async def answered(service, credential, endpoint=f"{ROOT}/openai/v1", identity=SIGNED, calls=1, scope=""):
    client = FoundryClient(
        destinations=Destinations(),
        transport=httpx.MockTransport(service),
        retry=QUICK,
        tokens=EntraTokens(lambda identity: credential),
    )
    target = Target("contoso", parse_endpoint(endpoint), Secret(""), identity, token_scope=scope)
    request = ChatRequest("m", (Message("user", "Where?"),), stream=False)
    for _ in range(calls):
        last = [event async for event in client.chat(target, request)][-1]
    return last


async def test_a_call_carries_a_token_and_no_key():
    service = Service("https://ai.azure.com")
    assert (await answered(service, Credential(10**9))).text == "ok"
    assert service.asked == [f"token-1-for-{AI}"]


async def test_the_scope_is_corrected_once_and_remembered():
    service, credential = Service("https://cognitiveservices.azure.com"), Credential(10**9)
    assert (await answered(service, credential, calls=2)).text == "ok"
    assert credential.asked == [AI, CLASSIC]
    assert len(service.asked) == 3


async def test_an_audience_outside_of_the_models_is_not_believed():
    service, credential = Service("https://management.azure.com"), Credential(10**9)
    with pytest.raises(FoundryError) as caught:
        await answered(service, credential)
    assert caught.value.kind is ErrorKind.AUTH_TOKEN
    assert set(credential.asked) == {AI}


async def test_a_token_that_ended_early_is_replaced_once():
    service = Service("https://ai.azure.com", stale=[f"token-1-for-{AI}"])
    assert (await answered(service, Credential(10**9))).text == "ok"
    assert len(service.asked) == 2


async def test_a_token_that_is_never_taken_is_not_asked_for_again_and_again():
    service = Service("https://ai.azure.com", stale=[f"token-{n}-for-{AI}" for n in range(9)])
    with pytest.raises(FoundryError):
        await answered(service, Credential(10**9))
    assert len(service.asked) == 2


async def test_the_identity_of_the_server_is_shown_to_microsoft_alone():
    service = Service("https://ai.azure.com")
    with pytest.raises(FoundryError) as caught:
        await answered(service, Credential(10**9), "https://gw.contoso.com/v1", Identity("managed_identity"))
    assert "no host of Microsoft" in caught.value.message
    assert service.asked == []


async def test_a_gateway_gets_a_token_of_its_own_scope():
    service, credential = Service("api://gateway"), Credential(10**9)
    await answered(service, credential, "https://gw.contoso.com/openai/v1", scope="api://gateway/.default")
    assert credential.asked == ["api://gateway/.default"]


async def test_a_resource_of_azure_gets_tokens_for_itself_alone():
    service, credential = Service("https://ai.azure.com"), Credential(10**9)
    await answered(service, credential, scope="https://management.azure.com/.default")
    assert credential.asked == [AI]
