"""Key or token -> the headers that carry it.

Azure routes take a key as api-key and read a bearer key as a token; serverless and all others want a bearer.
Tokens of Microsoft Entra ID come from azure-identity, which knows the ways to get one.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from connections.endpoint.endpoint import Endpoint
from connections.endpoint.hosts import REGIONAL, SERVERLESS, scope_of
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.masking import masker_of
from connections.foundry.values import Identity, Target
from connections.secret import Secret

API_KEY, BEARER, SUBSCRIPTION_KEY = "api-key", "bearer", "Ocp-Apim-Subscription-Key"
ANTHROPIC_KEY = "x-api-key"
EARLY = 300.0  # seconds before its end that a token is replaced
TOKEN_TIMEOUT = 60.0  # seconds
MOST_IDENTITIES = 500


def identity_refusal(endpoint: Endpoint) -> tuple[str, str]:
    """Why a host gets no token of this server, and what to do instead."""
    host, port = endpoint.address
    if host.endswith(SERVERLESS):
        what = "is rented by anybody who wants it"
    elif host.endswith(REGIONAL):
        what = "is shared by a whole region"
    else:
        what = "is no host of Microsoft's resources"
    return (
        f"{host} {what}, so it gets no token of this server. Nothing is sent.",
        "Use a key or a client secret, or let an administrator trust it: "
        f"list {host}:{port} in FOUNDRYFLOW_ALLOWED_DESTINATIONS.",
    )


def scope_named_in(text: str) -> str:
    """The scope behind "audience is incorrect (https://ai.azure.com)"; empty when none is named."""
    found = re.search(r"audience[^(]{0,40}\(https://([a-z.]+)/?(?:\.default)?\)", text, re.IGNORECASE)
    return scope_of(found[1].lower()) if found else ""


def key_headers(target: Target, names: Sequence[str]) -> dict[str, str]:
    """No header without a key: servers on one's own machine need none. Raises FoundryError."""
    key = sendable_value(target.key, "key")
    if not key:
        return extra_header(target)
    carrying = {
        "Authorization" if name == BEARER else name: f"Bearer {key}" if name == BEARER else key for name in names
    }
    return {**carrying, **extra_header(target)}


def extra_header(target: Target) -> dict[str, str]:
    if target.extra_header is None or not target.extra_header.name:
        return {}
    value = sendable_value(target.extra_header.value, "extra header") or sendable_value(target.key, "key")
    return {target.extra_header.name: value} if value else {}


def sendable_value(secret: Secret, what: str) -> str:
    value = secret.reveal()
    if value and (not (value.isascii() and value.isprintable()) or " " in value):
        raise FoundryError(
            ErrorKind.AUTH_KEY,
            f"The {what} holds a character that no key has. Nothing was sent.",
            "Copy key 1 or 2 again, without blanks and line ends.",
        )
    return value


class TokenSource(Protocol):
    """Where tokens come from."""

    async def token(self, identity: Identity, scope: str, *, fresh: bool = False) -> Secret:
        """A token that is valid for some minutes. Raises FoundryError."""

    async def aclose(self) -> None: ...


class EntraTokens:
    """Tokens of Microsoft Entra ID, kept until shortly before they end and asked for once, however many want one."""

    def __init__(
        self, credential: Callable[[Identity], Any] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._credential_of, self._clock = credential or credential_of, clock
        self._credentials: dict[Identity, Any] = {}
        self._tokens: dict[tuple[Identity, str], tuple[Secret, float]] = {}
        self._locks: dict[tuple[Identity, str], asyncio.Lock] = {}

    async def token(self, identity: Identity, scope: str, *, fresh: bool = False) -> Secret:
        stale = self._tokens.get((identity, scope)) if fresh else None
        async with self._locks.setdefault((identity, scope), asyncio.Lock()):
            known = self._tokens.get((identity, scope))
            # Whoever waited for the lock takes what the one before it got.
            if known is not None and known is not stale and known[1] - EARLY > self._clock():
                return known[0]
            secret, until = await self._ask(identity, scope)
            await self._forget_some()
            self._tokens[identity, scope] = secret, until
            return secret

    async def _ask(self, identity: Identity, scope: str) -> tuple[Secret, float]:
        try:
            if identity not in self._credentials:
                self._credentials[identity] = self._credential_of(identity)
            async with asyncio.timeout(TOKEN_TIMEOUT):
                got = await self._credentials[identity].get_token(scope)
        except TimeoutError:
            raise token_error("Microsoft Entra ID did not answer in time.", "Check firewalls on the way.") from None
        except Exception as error:  # azure-identity raises its own, those of msal and ValueError
            raise sign_in_error(error, identity) from None
        return Secret(got.token), float(got.expires_on)

    async def _forget_some(self) -> None:
        while len(self._credentials) > MOST_IDENTITIES:
            identity, credential = next(iter(self._credentials.items()))
            del self._credentials[identity]
            self._tokens = {key: value for key, value in self._tokens.items() if key[0] != identity}
            await credential.close()

    async def aclose(self) -> None:
        for credential in self._credentials.values():
            await credential.close()
        self._credentials.clear()
        self._tokens.clear()


def credential_of(identity: Identity) -> Any:
    """The credential of azure-identity. Imported here: whoever uses keys alone does not load it."""
    from azure.identity import aio

    # Its warnings repeat what the sign-in host said, unmasked; the error that follows says it, too.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    cloud = {"authority": identity.authority} if identity.authority else {}
    match identity.method:
        case "client_secret":
            secret = identity.secret.reveal()
            return aio.ClientSecretCredential(identity.tenant_id, identity.client_id, secret, **cloud)
        case "certificate":
            pem, password = identity.secret.reveal().encode(), identity.password.reveal() or None
            return aio.CertificateCredential(
                identity.tenant_id, identity.client_id, certificate_data=pem, password=password, **cloud
            )
        case "managed_identity":
            return aio.ManagedIdentityCredential(client_id=identity.client_id or None)
        case "azure_cli":
            return aio.DefaultAzureCredential(**cloud)
    raise ValueError(f"{identity.method} is no way to sign in")


def token_error(message: str, hint: str, raw: str = "") -> FoundryError:
    return FoundryError(ErrorKind.AUTH_TOKEN, message, hint, raw=raw)


# Codes of Microsoft Entra ID, from its page on error codes.
ENTRA_ERRORS = (
    ("AADSTS7000215", "The client secret is wrong.", "Copy its value, not its id, or make a new one."),
    ("AADSTS7000222", "The client secret has expired.", "Make a new one in the app registration."),
    ("AADSTS700016", "The application is not known in this tenant.", "Check client id and tenant id."),
    ("AADSTS90002", "There is no such tenant.", "Check the tenant id."),
    ("AADSTS700027", "The certificate is not the one of the application.", "Upload its public part in the portal."),
    ("az login", "The Azure command line is not signed in.", "Run az login as the user of this server."),
)


def sign_in_error(error: Exception, identity: Identity) -> FoundryError:
    said = masker_of(identity.secret.reveal(), identity.password.reveal()).text(str(error))
    for code, message, hint in ENTRA_ERRORS:
        if code in said:
            return token_error(f"No token: {message}", hint, said)
    return token_error(
        f"Microsoft Entra ID gave no token: {said.splitlines()[0][:200] if said else type(error).__name__}",
        "Check tenant, client and secret of the connection.",
        said,
    )
