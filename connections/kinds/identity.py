"""Tokens of Microsoft Entra ID for databases and vaults."""

from __future__ import annotations

from connections.foundry.auth import TokenSource
from connections.foundry.destinations import Destinations
from connections.foundry.errors import FoundryError
from connections.kinds.base import DataSourceError, DataTarget
from connections.kinds.registry import KINDS
from connections.secret import Secret


async def token_for(target: DataTarget, tokens: TokenSource, destinations: Destinations) -> Secret | None:
    """None where the connection signs in without one. Raises DataSourceError of kind sign_in."""
    if target.identity is None:
        return None
    if target.identity.is_own and (why := identity_refusal(target, destinations)):
        raise DataSourceError("sign_in", why)
    try:
        return await tokens.token(target.identity, scope_for(target))
    except FoundryError as error:
        raise DataSourceError("sign_in", error.message, error.hint, raw=error.raw) from None


def scope_for(target: DataTarget) -> str:
    kind = KINDS[target.kind]
    family = kind.family_of(target.address.host)
    return family.scope if family else kind.scope


def identity_refusal(target: DataTarget, destinations: Destinations) -> str:
    """Why a host gets no token of this server's own identity; empty when it gets one."""
    host, port = target.address.host, target.address.port
    if KINDS[target.kind].family_of(host) or (host, port) in destinations.hosts:
        return ""
    return (
        f"{host} is no host of Microsoft's, so it gets no token of this server. Nothing is sent. Use a client secret, "
        f"or let an administrator list {host}:{port} in FOUNDRYFLOW_ALLOWED_DESTINATIONS."
    )
