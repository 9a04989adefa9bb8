"""What of the outside an action may use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from connections.secret import Secret
from flows.language.errors import ActionError

if TYPE_CHECKING:
    from connections.databases.query import DatabaseQuery, QueryResult
    from connections.foundry.values import ChatRequest, EmbeddingRequest, Target
    from connections.http.messages import OutgoingRequest, ReceivedAnswer
    from connections.key_vault.client import VaultSecret
    from connections.kinds.base import DataTarget


def file_missing(reference: Mapping[str, Any]) -> ActionError:
    return ActionError(
        "file_missing",
        f"The file {reference['name']} is not there: this run was not started with it.",
        "Files are kept until their run ends only. Start the flow again with the file.",
    )


class ChatClient(Protocol):
    """The part of FoundryClient that actions use."""

    def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[Any, None]: ...


class EmbeddingClient(Protocol):
    """The same for embeddings."""

    def embedding_events(self, target: Target, request: EmbeddingRequest) -> AsyncGenerator[Any, None]: ...


class QueryClient(Protocol):
    """The part of DatabaseClient that actions use."""

    async def query(self, target: DataTarget, query: DatabaseQuery) -> QueryResult: ...


class VaultClient(Protocol):
    """The part of KeyVaultClient that actions use."""

    async def secret(self, target: DataTarget, name: str, version: str = "") -> VaultSecret: ...


class RequestClient(Protocol):
    """The part of HttpClient that actions use."""

    async def send(self, request: OutgoingRequest) -> ReceivedAnswer: ...


@dataclass(frozen=True)
class FlowRun:
    """How a run that an action has started ended."""

    run_id: int
    state: str
    output: Any
    usage: Mapping[str, int] | None = None  # tokens, also of runs that it has started


class CallingStep(Protocol):
    """What starting another flow needs to know of the action that does it."""

    @property
    def path(self) -> str: ...

    @property
    def attempt(self) -> int: ...


class Services(Protocol):
    @property
    def foundry(self) -> ChatClient: ...

    @property
    def embeddings(self) -> EmbeddingClient: ...

    @property
    def databases(self) -> QueryClient: ...

    @property
    def vaults(self) -> VaultClient: ...

    @property
    def http(self) -> RequestClient: ...

    async def environment_secret(self, name: str) -> Secret:
        """What an environment variable of the server holds, if an administrator lists it.

        Raises ActionError of kind not_listed or variable_missing.
        """

    async def connection(self, name: str) -> Target:
        """A stored connection to models, its key opened.

        Raises ActionError of kind connection_missing, connection_kind or key_unreadable.
        """

    async def data_connection(self, name: str) -> DataTarget:
        """The same of a stored connection to a database or a vault."""

    async def secret(self, id: str) -> Secret:
        """A literal secret of the flow. Raises ActionError of kind secret_missing or key_unreadable."""

    async def file(self, reference: Mapping[str, Any]) -> str:
        """The bytes of a file of this run, as base64, by its reference.

        Raises ActionError of kind file_missing or key_unreadable.
        """

    async def run_flow(self, flow: str, inputs: Mapping[str, Any], step: CallingStep) -> FlowRun:
        """Runs another flow, by its slug, and waits for its end; after a restart it goes on with the same run.

        Raises ActionError: flow_missing, too_deep, input, or how that run failed.
        """


class MemoryServices:
    """The twin for tests."""

    def __init__(
        self,
        foundry: ChatClient | None = None,
        connections: Mapping[str, Target] | None = None,
        secrets: Mapping[str, Secret] | None = None,
        flows: Mapping[str, Callable[[Mapping[str, Any]], Any]] | None = None,
        databases: QueryClient | None = None,
        data_connections: Mapping[str, DataTarget] | None = None,
        vaults: VaultClient | None = None,
        http: RequestClient | None = None,
        environment: Mapping[str, Secret] | None = None,
        embeddings: EmbeddingClient | None = None,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self._foundry, self._connections, self._secrets, self._flows = (
            foundry,
            dict(connections or {}),
            dict(secrets or {}),
            dict(flows or {}),
        )
        self._databases, self._data_connections = databases, dict(data_connections or {})
        self._vaults, self._http, self._environment = vaults, http, dict(environment or {})
        self._embeddings, self._files = embeddings, dict(files or {})

    @property
    def foundry(self) -> ChatClient:
        if self._foundry is None:
            raise ActionError("no_client", "This test has no client.")
        return self._foundry

    @property
    def embeddings(self) -> EmbeddingClient:
        if self._embeddings is None:
            raise ActionError("no_client", "This test has no embeddings.")
        return self._embeddings

    @property
    def databases(self) -> QueryClient:
        if self._databases is None:
            raise ActionError("no_client", "This test has no databases.")
        return self._databases

    @property
    def vaults(self) -> VaultClient:
        if self._vaults is None:
            raise ActionError("no_client", "This test has no vaults.")
        return self._vaults

    @property
    def http(self) -> RequestClient:
        if self._http is None:
            raise ActionError("no_client", "This test has no HTTP.")
        return self._http

    async def environment_secret(self, name: str) -> Secret:
        if name not in self._environment:
            raise ActionError("not_listed", f"{name} is not listed.")
        return self._environment[name]

    async def data_connection(self, name: str) -> DataTarget:
        if name not in self._data_connections:
            raise ActionError("connection_missing", f"There is no connection named {name}.")
        return self._data_connections[name]

    async def connection(self, name: str) -> Target:
        if name not in self._connections:
            raise ActionError("connection_missing", f"There is no connection named {name}.")
        return self._connections[name]

    async def secret(self, id: str) -> Secret:
        if id not in self._secrets:
            raise ActionError("secret_missing", "A secret of this flow is not filled in.")
        return self._secrets[id]

    async def file(self, reference: Mapping[str, Any]) -> str:
        if reference["sha256"] not in self._files:
            raise file_missing(reference)
        return self._files[reference["sha256"]]

    async def run_flow(self, flow: str, inputs: Mapping[str, Any], step: CallingStep) -> FlowRun:
        if flow not in self._flows:
            raise ActionError("flow_missing", f"There is no flow {flow}.")
        return FlowRun(1, "succeeded", self._flows[flow](inputs))
