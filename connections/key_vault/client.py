"""Reads secrets of Azure Key Vault: Microsoft's client over a session that keeps to our rules about destinations."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from connections.foundry.auth import EntraTokens, TokenSource
from connections.foundry.destinations import CheckedResolver, Destinations, callable_url
from connections.foundry.errors import FoundryError
from connections.foundry.masking import masker_of
from connections.foundry.transport import NoCookies, connection_error
from connections.key_vault.refusals import NO_VAULT, UNAUTHORIZED, vault_refusal
from connections.kinds.base import DataSourceError, DataTarget, NoteAnswer, SignInCheck, ignore_answer
from connections.kinds.identity import refuse_identity, token_for
from connections.kinds.registry import KINDS
from connections.secret import Secret

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.keyvault.secrets import KeyVaultSecret, SecretProperties
    from azure.keyvault.secrets.aio import SecretClient

TIMEOUT = 30.0  # seconds for all tries together, with the token
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 15.0
RETRIES = {"retry_total": 3, "retry_backoff_max": 5}
TOKEN_LASTS = 600.0  # seconds that the client believes a token; who gives it knows better, and is asked for each secret
MOST_CONNECTIONS = 200
LARGEST_ANSWER = 1024 * 1024  # bytes; a secret has 25 KB at most
NO_SUCH_SECRET = "foundryflow-connection-test"  # noqa: S105 - a name that is asked for to see who may ask


@dataclass(frozen=True, slots=True)
class VaultSecret:
    """A secret of a vault, with what may be shown of it."""

    value: Secret
    version: str
    expires_at: datetime | None = None


class BoundedResponse(aiohttp.ClientResponse):
    """An answer of which no more is read than a secret can have."""

    async def read(self) -> bytes:
        if self._body is None:
            read = bytearray()
            async for chunk in self.content.iter_chunked(65_536):
                read += chunk
                if len(read) > LARGEST_ANSWER:
                    self.close()
                    raise DataSourceError("protocol", f"{self.host} sent more than a secret can have.", NO_VAULT)
            self._body = bytes(read)
        return self._body


class VaultCredential:
    """The identity of a connection, as Microsoft's client asks for tokens.

    What a vault says about scope and tenant is not believed: the token is for vaults, from the tenant of the identity.
    """

    def __init__(self, target: DataTarget, tokens: TokenSource, destinations: Destinations) -> None:
        self._target, self._tokens, self._destinations = target, tokens, destinations
        self.given = Secret("")

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        from azure.core.credentials import AccessToken

        # Whoever asks again was refused with the one before.
        token = await token_for(self._target, self._tokens, self._destinations, fresh=bool(self.given))
        self.given = token or Secret("")
        return AccessToken(self.given.reveal(), int(time.time() + TOKEN_LASTS))

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> VaultCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@dataclass
class KeyVaultClient:
    """One of an event loop; all vaults share its sockets, and none keeps more than those."""

    destinations: Destinations
    tokens: TokenSource = field(default_factory=EntraTokens)
    timeout: float = TIMEOUT
    backoff: float = 0.3  # seconds before it is asked again, more each time
    tls: ssl.SSLContext | bool = True  # whose certificates are believed; of the machine
    note_answer: NoteAnswer = ignore_answer

    def __post_init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def secret(self, target: DataTarget, name: str, version: str = "") -> VaultSecret:
        """A secret that may be used now; without a version the newest. Raises DataSourceError."""
        found = await self._get(target, name, version)
        self.note_answer(target)
        refuse_out_of_time(found.properties, f"{name} in {target.address.place}")
        expires_at = found.properties.expires_on
        return VaultSecret(Secret(found.value or ""), found.properties.version or "", expires_at)

    async def sign_in(self, target: DataTarget) -> SignInCheck:
        """Asks the vault for a secret that is not there, which only those are told who may read secrets."""
        started, place = time.monotonic(), target.address.place
        try:
            await self._get(target, NO_SUCH_SECRET, "")
        except DataSourceError as error:
            latency = round((time.monotonic() - started) * 1000, 1)
            if error.kind != "secret_not_found":
                return SignInCheck(False, f"{error.message} {error.hint}".strip(), error.kind, latency)
            return SignInCheck(True, f"{place} answered, and lets the identity read secrets.", latency_ms=latency)
        return SignInCheck(True, f"{place} answered, and lets the identity read secrets.")

    async def _get(self, target: DataTarget, name: str, version: str) -> KeyVaultSecret:
        from azure.core.exceptions import AzureError

        address, credential = target.address, VaultCredential(target, self.tokens, self.destinations)
        refuse_identity(target, self.destinations)
        try:
            callable_url(address.typed, self.destinations)  # a literal address is asked of no resolver
            async with asyncio.timeout(self.timeout), self._client(target, credential) as client:
                return await client.get_secret(name, version or None)
        except TimeoutError:
            raise DataSourceError(
                "timeout", f"{address.place} did not answer in time.", "Try again; check firewalls on the way."
            ) from None
        except FoundryError as error:
            raise DataSourceError(error.kind.value, error.message, error.hint, raw=error.raw) from None
        except (AzureError, OSError, ValueError) as error:
            raise self._error_of(error, target, credential, name) from None

    def _client(self, target: DataTarget, credential: VaultCredential) -> SecretClient:
        """A client for one secret. Imported here: whoever has no vault does not load it."""
        from azure.core.pipeline.transport import AioHttpTransport
        from azure.keyvault.secrets.aio import SecretClient

        return SecretClient(
            target.address.typed,
            credential,
            transport=AioHttpTransport(session=self._open_session(), session_owner=False, use_env_settings=False),
            connection_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            permit_redirects=False,
            verify_challenge_resource=KINDS[target.kind].family_of(target.address.host) is not None,
            retry_backoff_factor=self.backoff,
            **RETRIES,
        )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            # It tells addresses with the names of secrets.
            logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)
            connector = aiohttp.TCPConnector(
                limit=MOST_CONNECTIONS,
                resolver=CheckedResolver(self.destinations),
                keepalive_timeout=60,
                ssl=self.tls,
            )
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=NoCookies(), trust_env=False, response_class=BoundedResponse
            )
        return self._session

    def _error_of(
        self, error: Exception, target: DataTarget, credential: VaultCredential, name: str
    ) -> DataSourceError:
        """The typed error behind what Microsoft's client raises."""
        from azure.core.exceptions import DecodeError, HttpResponseError

        place = target.address.place
        masker = masker_of(*(secret.reveal() for secret in (credential.given, *target.secrets)))
        if isinstance(error, HttpResponseError) and error.status_code and not isinstance(error, DecodeError):
            body = error.response.text() if error.response is not None else ""
            return vault_refusal(error.status_code, masker.text(body), name, place, KINDS[target.kind].role_hint)
        if isinstance(error, ValueError):  # what a challenge says that is none of this vault's
            return DataSourceError("sign_in", f"{place} asks for a token that is not for it.", UNAUTHORIZED)
        if isinstance(error, HttpResponseError):
            return DataSourceError("protocol", f"{place} did not answer as a vault does.", NO_VAULT)
        failed = connection_error(error, target.address.host)
        return DataSourceError(failed.kind.value, failed.message, failed.hint)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
        await self.tokens.aclose()


def refuse_out_of_time(secret: SecretProperties, what: str) -> None:
    """A vault gives its secrets out also before and after their time. Raises DataSourceError."""
    now = datetime.now(UTC)
    if secret.enabled is False:
        raise DataSourceError("disabled_secret", f"The secret {what} is disabled.", "Enable it in the vault.")
    if secret.expires_on and secret.expires_on <= now:
        since = f"{secret.expires_on:%Y-%m-%d %H:%M} UTC"
        raise DataSourceError("expired_secret", f"The secret {what} expired {since}.", "Put a new version into it.")
    if secret.not_before and secret.not_before > now:
        until = f"{secret.not_before:%Y-%m-%d %H:%M} UTC"
        raise DataSourceError(
            "early_secret", f"The secret {what} is not valid before {until}.", "Name the version that is valid now."
        )
