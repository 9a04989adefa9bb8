"""Tokens of Microsoft Entra ID: for the right audience, asked for once, replaced in time, given to nobody else."""

import asyncio
import datetime
import logging
from collections import defaultdict
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
from connections.foundry import auth
from connections.foundry.auth import EntraTokens, credential_of, extra_header, key_headers, scope_named_in
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import ChatRequest, Header, Identity, Message, Target
from connections.secret import MASK, Secret
from tests.connections.foundry.stub import QUICK
from tests.connections.jumping_time import now, run

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
        ("AUDIENCE is wrong (https://AI.Azure.com)", AI),
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
    now[0] += 1
    await tokens.token(SIGNED, AI)
    assert len(credential.asked) == 2


SAID = "Microsoft Entra ID gave no token:"


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (ClientAuthenticationError(f"AADSTS7000215: Invalid secret {PLANTED}."), "No token: The client secret is wrong.", "Copy its value"),
        (ClientAuthenticationError("AADSTS7000222"), "No token: The client secret has expired.", "Make a new one"),
        (ClientAuthenticationError("AADSTS700016"), "No token: The application is not known in this tenant.", "Check client id"),
        (ClientAuthenticationError("AADSTS90002"), "No token: There is no such tenant.", "Check the tenant id."),
        (ClientAuthenticationError("AADSTS700027"), "No token: The certificate is not the one of the application.", "Upload"),
        (ValueError("Please run 'az login'."), "No token: The Azure command line is not signed in.", "Run az login"),
        (ValueError(f"{'x' * 210}\nmore"), f"{SAID} {'x' * 200}", "Check tenant, client and secret"),
        (ValueError(f"{PLANTED} is no secret"), f"{SAID} {MASK} is no secret", ""),
        (ValueError(), f"{SAID} ValueError", ""),
    ],
)  # fmt: skip
async def test_a_refused_sign_in_is_a_typed_error_without_the_secret(error, message, hint):
    with pytest.raises(FoundryError) as caught:
        await tokens_of(Credential(error=error)).token(SIGNED, AI)
    found = caught.value
    assert (found.kind, found.message, found.hint[: len(hint)]) == (ErrorKind.AUTH_TOKEN, message, hint)
    assert found.raw == str(error).replace(PLANTED, MASK)
    assert PLANTED not in found.message + found.raw


def test_a_sign_in_that_hangs_is_given_up_after_a_minute():
    class Hanging(Credential):
        async def get_token(self, *scopes):
            await asyncio.sleep(1_000)

    async def ask():
        began = now()
        with pytest.raises(FoundryError) as caught:
            await tokens_of(Hanging()).token(SIGNED, AI)
        assert (now() - began, caught.value.raw) == (60, "")
        return caught.value

    error = run(ask())
    assert (error.kind, error.message) == (ErrorKind.AUTH_TOKEN, "Microsoft Entra ID did not answer in time.")
    assert error.hint == "Check firewalls on the way."


async def test_credentials_are_closed_with_the_client_and_made_anew():
    credential, made = Credential(), []

    def credential_of(identity):
        made.append(identity)
        return credential

    tokens = EntraTokens(credential_of, lambda: NOW)
    await tokens.token(SIGNED, AI)
    await tokens.aclose()
    assert credential.closed
    await tokens.token(SIGNED, AI)
    assert (len(credential.asked), made) == (2, [SIGNED, SIGNED])


async def test_of_many_identities_the_oldest_is_forgotten(monkeypatch):
    monkeypatch.setattr(auth, "MOST_IDENTITIES", 2)
    credentials = defaultdict(Credential)
    tokens = EntraTokens(credentials.__getitem__, lambda: NOW)
    first, second, third = (Identity("managed_identity", client_id=name) for name in "abc")
    for identity in (first, second, second, third, third, second):
        await tokens.token(identity, AI)
    assert [len(credentials[each].asked) for each in (first, second, third)] == [1, 1, 1]
    assert [credentials[each].closed for each in (first, second, third)] == [True, False, False]
    await tokens.token(first, AI)
    assert (len(credentials[first].asked), credentials[second].closed) == (2, True)


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


CLOUD = {"authority": "login.microsoftonline.us"}


@pytest.mark.parametrize(
    ("name", "identity", "values", "options"),
    [
        ("ClientSecretCredential", Identity("client_secret", "tenant", "client", Secret("s")), ("tenant", "client", "s"), {}),
        ("ClientSecretCredential", Identity("client_secret", "tenant", "client", Secret("s"), **CLOUD), ("tenant", "client", "s"), CLOUD),
        (
            "CertificateCredential", Identity("certificate", "tenant", "client", Secret("pem"), **CLOUD), ("tenant", "client"),
            {"certificate_data": b"pem", "password": None, **CLOUD},
        ),
        (
            "CertificateCredential", Identity("certificate", "tenant", "client", Secret("pem"), password=Secret("p")),
            ("tenant", "client"), {"certificate_data": b"pem", "password": "p"},
        ),
        ("ManagedIdentityCredential", Identity("managed_identity", client_id="client"), (), {"client_id": "client"}),
        ("ManagedIdentityCredential", Identity("managed_identity"), (), {"client_id": None}),
        ("DefaultAzureCredential", Identity("azure_cli", **CLOUD), (), CLOUD),
    ],
)  # fmt: skip
def test_a_credential_is_made_of_what_the_identity_says(monkeypatch, name, identity, values, options):
    monkeypatch.setattr(aio, name, lambda *values, **options: (values, options))
    assert credential_of(identity) == (values, options)


def test_what_the_host_of_a_sign_in_said_gets_into_no_log():
    logger = logging.getLogger("azure.identity")
    logger.setLevel(logging.NOTSET)
    credential_of(Identity("managed_identity"))
    assert logger.level == logging.ERROR


def test_another_way_to_sign_in_is_none():
    with pytest.raises(ValueError, match="magic is no way to sign in"):
        credential_of(Identity("magic"))


def as_api_key(target):
    return key_headers(target, ("api-key",))


TEAM, SUBSCRIPTION = Header("X-Team", Secret("blue")), Header("Ocp-Apim-Subscription-Key")


@pytest.mark.parametrize(
    ("key", "extra", "names", "headers"),
    [
        ("k", None, ("api-key",), {"api-key": "k"}),
        ("k", None, ("x-api-key", "bearer"), {"x-api-key": "k", "Authorization": "Bearer k"}),
        ("k", TEAM, ("bearer",), {"Authorization": "Bearer k", "X-Team": "blue"}),
        ("k", SUBSCRIPTION, ("api-key",), {"api-key": "k", "Ocp-Apim-Subscription-Key": "k"}),
        ("", TEAM, ("api-key",), {"X-Team": "blue"}),
        ("", SUBSCRIPTION, ("api-key",), {}),
        ("k", Header("", Secret("blue")), ("api-key",), {"api-key": "k"}),
    ],
)
def test_a_key_goes_into_the_headers_that_are_wanted(key, extra, names, headers):
    target = Target("t", parse_endpoint(ROOT), Secret(key), extra_header=extra)
    assert key_headers(target, names) == headers


@pytest.mark.parametrize("value", ["two words", "k\n", "schlüssel", "k\u200b"])
@pytest.mark.parametrize(
    ("headers_of", "key", "extra", "what"),
    [
        (as_api_key, True, None, "key"),
        (as_api_key, False, TEAM, "extra header"),
        (extra_header, False, TEAM, "extra header"),
        (extra_header, True, SUBSCRIPTION, "key"),
    ],
)
def test_what_cannot_be_a_key_is_not_sent(value, headers_of, key, extra, what):
    extra = extra and Header(extra.name, Secret(value if extra is TEAM else ""))
    with pytest.raises(FoundryError) as caught:
        headers_of(Target("t", parse_endpoint(ROOT), Secret(value if key else "k"), extra_header=extra))
    assert caught.value.kind is ErrorKind.AUTH_KEY
    assert caught.value.message == f"The {what} holds a character that no key has. Nothing was sent."


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
