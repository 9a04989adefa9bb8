"""What a vault says when it does not give a secret -> what people can do about it."""

from __future__ import annotations

import json
from typing import Any

from connections.kinds.base import DataSourceError

LONGEST_SAID = 300  # characters of what the service says, in a sentence of ours
UNAUTHORIZED = "Check tenant and client of the connection: they are those of the vault's subscription."
NO_VAULT = "Is this the address of a vault?"
FIREWALL = ("ForbiddenByFirewall", "ForbiddenByConnection")


def vault_refusal(status: int, body: str, name: str, place: str, role_hint: str) -> DataSourceError:
    """The typed error of a refusal; `body` is masked, `place` the vault."""
    code, said = said_in(body)
    kind, message, hint = sentences(status, code, f"{name} in {place}", place, role_hint)
    return DataSourceError(kind, message, hint or said, raw=body)


def sentences(status: int, code: str, what: str, place: str, role_hint: str) -> tuple[str, str, str]:
    """Kind, message and hint."""
    match status:
        case 401:
            return "sign_in", f"{place} does not accept the token of the connection.", UNAUTHORIZED
        case 403 if code == "SecretDisabled":
            return "disabled_secret", f"The secret {what} is disabled.", "Enable it in the vault."
        case 403 if code in FIREWALL:
            return "network_rule", f"The firewall of {place} keeps this server out.", "Add its address there."
        case 403:
            return "permission", f"The identity of the connection may not read the secret {what}.", role_hint
        case 404:
            return "secret_not_found", f"There is no secret {what}.", "Check name and version; deleted ones are gone."
        case 400:
            return "input", f"{place} cannot read the name or version of the secret {what}.", ""
        case 429:
            return "rate_limit", f"{place} answers no more for now: too many requests.", "Try again."
        case _ if status >= 500:
            return "server", f"{place} failed with status {status}.", "Try again."
    return "protocol", f"{place} answered with status {status}.", NO_VAULT


def said_in(body: str) -> tuple[str, str]:
    """The innermost code and the message of an error of the service."""
    try:
        error: Any = json.loads(body).get("error")
        inner = error.get("innererror") or {}
        return str(inner.get("code") or error.get("code") or ""), str(error.get("message") or "")[:LONGEST_SAID]
    except (AttributeError, ValueError, RecursionError):
        return "", ""
