"""What actions may use of the outside, for real: stored connections, stored secrets, the Foundry client."""

from __future__ import annotations

from connections.clients import foundry_client
from connections.fields import KeyUnreadable
from connections.foundry.client import FoundryClient
from connections.foundry.values import Target
from connections.models import Connection
from connections.secret import Secret
from flows.engine.writer import Writer
from flows.errors import ActionError
from flows.models import FlowSecret


class DatabaseServices:
    """Services of one run."""

    def __init__(self, flow_id: int, writer: Writer) -> None:
        self._flow_id, self._writer = flow_id, writer

    @property
    def foundry(self) -> FoundryClient:
        return foundry_client()

    async def connection(self, name: str) -> Target:
        target: Target = await self._writer.do(lambda: stored_target(name))
        return target

    async def secret(self, id: str) -> Secret:
        secret: Secret = await self._writer.do(lambda: stored_secret(self._flow_id, id))
        return secret


def stored_target(name: str) -> Target:
    connection = Connection.objects.filter(name=name).first()
    if connection is None:
        raise ActionError(
            "connection_missing",
            f"There is no connection named {name}.",
            "Choose another one in the property panel, or create it under that name.",
        )
    try:
        return connection.target()
    except KeyUnreadable as error:
        raise ActionError("key_unreadable", f"{name}: {error}", "Open the connection and re-enter the key.") from None


def stored_secret(flow_id: int, id: str) -> Secret:
    stored = FlowSecret.objects.filter(flow_id=flow_id, key=id).first()
    if stored is None:
        raise ActionError(
            "secret_missing",
            "A secret of this flow is not filled in.",
            "Type it again in the property panel.",
        )
    try:
        return Secret(stored.value.reveal())
    except KeyUnreadable:
        raise ActionError(
            "key_unreadable", "A secret of this flow cannot be read.", "Type it again in the property panel."
        ) from None
