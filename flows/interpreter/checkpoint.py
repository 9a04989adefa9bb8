"""Outcomes and notes packed as text, lossless and with their secrets, so that a run can go on in another process."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Header, Identity, Limits, Target, WhenReached
from connections.secret import Secret
from flows.interpreter.journal import ActionEnd, ActionFailed, ActionFinished
from flows.language.errors import ActionError, Signal
from flows.language.values import ConnectionValue, Declared, Response

TAG = "$"  # key of an object that stands for something JSON has no word for


class CheckpointError(ValueError):
    """What is stored cannot be read; the run cannot go on from it."""


@dataclass(frozen=True)
class PackedOutcome:
    """`secrets` are those that are in the text, keys of connections included."""

    text: str
    secrets: tuple[Secret, ...] = ()


def pack_outcome(event: ActionEnd) -> PackedOutcome:
    packer = ValuePacker()
    if isinstance(event, ActionFailed):
        error = event.error
        body = {
            "failed": [error.kind, error.message, error.hint, error.status, error.request_id, error.raw],
            "facts": packer.pack(error.facts),
        }
    else:
        body = {
            "output": packer.pack(event.output),
            "variables": {
                name: {TAG: "output"} if value is event.output else packer.pack(value)
                for name, value in event.variables.items()
            },
            "declared": [[d.name, d.type, packer.pack(d.value), d.global_] for d in event.declared],
            "signal": event.signal.value,
        }
    return PackedOutcome(json.dumps({"at": event.at, **body}), tuple(packer.secrets))


def unpack_outcome(path: str, text: str) -> ActionEnd:
    """Raises CheckpointError."""
    try:
        body = json.loads(text)
        if "failed" in body:
            kind, message, hint, status, request_id, raw = body["failed"]
            facts = unpack_value(body["facts"])
            error = ActionError(kind, message, hint, status=status, request_id=request_id, raw=raw, facts=facts)
            return ActionFailed(path, body["at"], error)
        output = unpack_value(body["output"])
        return ActionFinished(
            path,
            body["at"],
            output=output,
            variables={
                name: output if value == {TAG: "output"} else unpack_value(value)
                for name, value in body["variables"].items()
            },
            declared=tuple(
                Declared(name, type, unpack_value(value), lifted) for name, type, value, lifted in body["declared"]
            ),
            signal=Signal(body["signal"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"The checkpoint of {path} is malformed: {type(error).__name__}.") from None


class ValuePacker:
    """Values -> JSON. Remembers the secrets it saw."""

    def __init__(self) -> None:
        self.secrets: list[Secret] = []

    def pack(self, value: Any) -> Any:
        match value:
            case float() if not math.isfinite(value):
                return {TAG: "float", "value": str(value)}
            case None | bool() | int() | float() | str():
                return value
            case Secret():
                self.secrets.append(value)
                return {TAG: "secret", "value": value.reveal()}
            case ConnectionValue():
                self.secrets += value.target.secrets
                return {TAG: "connection", "name": value.name, "target": self._target(value.target)}
            case Response():
                return {TAG: "response", "parts": [self.pack(part) for part in value.parts]}
            case Mapping() if TAG in value or not all(isinstance(key, str) for key in value):
                return {TAG: "object", "pairs": [[self.pack(key), self.pack(inner)] for key, inner in value.items()]}
            case Mapping():
                return {key: self.pack(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self.pack(inner) for inner in value]
        return str(value)

    def _target(self, target: Target) -> list[Any]:
        identity, extra = target.identity, target.extra_header
        return [
            target.name,
            target.endpoint.url,
            target.key.reveal(),
            target.key_header,
            [extra.name, extra.value.reveal()] if extra else None,
            [
                identity.method, identity.tenant_id, identity.client_id, identity.secret.reveal(),
                identity.password.reveal(), identity.authority,
            ]
            if identity
            else None,
            limits_of(target.limits),
            target.customer,
            target.account,
            target.token_scope,
        ]  # fmt: skip


def unpack_value(value: Any) -> Any:
    if isinstance(value, list):
        return [unpack_value(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    match value.get(TAG):
        case None:
            return {key: unpack_value(inner) for key, inner in value.items()}
        case "float":
            return float(value["value"])
        case "secret":
            return Secret(value["value"])
        case "connection":
            return ConnectionValue(value["name"], target_of(*value["target"]))
        case "response":
            return Response(*[unpack_value(part) for part in value["parts"]])
        case "object":
            return {unpack_value(key): unpack_value(inner) for key, inner in value["pairs"]}
        case other:
            raise CheckpointError(f"There is no value of kind {other!r}.")


def target_of(
    name: str,
    url: str,
    key: str,
    key_header: str,
    extra: list[str] | None,
    identity: list[str] | None,
    limits: list[Any] | None = None,
    customer: str = "",
    account: str = "",
    token_scope: str = "",
) -> Target:
    """Raises EndpointError. Checkpoints of earlier versions end before the limits or the scope."""
    known = None
    if identity:
        method, tenant_id, client_id, secret, password, authority = identity
        known = Identity(method, tenant_id, client_id, Secret(secret), Secret(password), authority)
    header = Header(extra[0], Secret(extra[1])) if extra else None
    return Target(
        name, parse_endpoint(url), Secret(key), known, key_header, header, limits_from(limits), customer, account,
        token_scope=token_scope,
    )  # fmt: skip


def limits_from(packed: list[Any] | None) -> Limits | None:
    if not packed:
        return None
    calls, requests, tokens, tokens_a_day, when_reached, spill_over_to = packed
    return Limits(calls, requests, tokens, tokens_a_day, WhenReached(when_reached), spill_over_to)


def limits_of(limits: Limits | None) -> list[Any] | None:
    if limits is None:
        return None
    counted = (limits.calls, limits.requests, limits.tokens, limits.tokens_a_day)
    return [*counted, limits.when_reached.value, limits.spill_over_to]
