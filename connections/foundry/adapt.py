"""What a 400 teaches: one change to the request at a time, remembered by endpoint and deployment.

Nothing is guessed from the name of a model; the service says what it refuses.
"""

from __future__ import annotations

import re
from typing import Any

from connections.foundry.errors import ErrorKind, FoundryError

Body = dict[str, Any]
RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
NEVER_DROPPED = ("messages", "model", "stream")
DROP, JSON_OBJECT = "", "json_object"


class Lessons:
    """Parameters that a deployment refuses, and what to send instead of each."""

    def __init__(self) -> None:
        self._learnt: dict[tuple[str, str], dict[str, str]] = {}

    def applied(self, url: str, model: str, body: Body) -> Body:
        for parameter, instead in self._learnt.get((url, model), {}).items():
            body = changed(body, parameter, instead)
        return body

    def learn(self, url: str, model: str, body: Body, error: FoundryError) -> Body | None:
        """The request changed in one thing, or None when the error names nothing that can be."""
        parameter = re.split(r"[.\[]", error.param or "")[0]
        if error.kind is not ErrorKind.UNSUPPORTED_PARAMETER or parameter not in body or parameter in NEVER_DROPPED:
            return None
        known = self._learnt.setdefault((url, model), {})
        # Another call may have learnt the same in the meantime; then its lesson is all this one needs.
        if parameter in known and (adapted := changed(body, parameter, known[parameter])) != body:
            return adapted
        known[parameter] = instead_of(parameter, body[parameter], known)
        return changed(body, parameter, known[parameter])


def instead_of(parameter: str, value: Any, known: dict[str, str]) -> str:
    if is_schema(parameter, value):
        return JSON_OBJECT
    other = RENAMED.get(parameter, DROP)
    return DROP if other in known else other


def is_schema(parameter: str, value: Any) -> bool:
    return parameter == "response_format" and isinstance(value, dict) and value.get("type") == "json_schema"


def changed(body: Body, parameter: str, instead: str) -> Body:
    if parameter not in body:
        return body
    if instead == JSON_OBJECT:
        return {**body, parameter: {"type": JSON_OBJECT}} if is_schema(parameter, body[parameter]) else body
    rest = {name: value for name, value in body.items() if name != parameter}
    return {**rest, instead: body[parameter]} if instead else rest
