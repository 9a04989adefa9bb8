"""What a 400 teaches: one change to the request at a time, remembered by endpoint and deployment.

Nothing is guessed from the name of a model; the service says what it refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connections.foundry.errors import ErrorKind, FoundryError

Body = dict[str, Any]
RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
NEVER_DROPPED = ("messages", "model", "stream")
MOST_LESSONS = 6  # changes of one request


class Lessons:
    """Parameters that a deployment refuses, and what to do with each."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], dict[str, str]] = {}

    def applied(self, url: str, model: str, body: Body) -> Body:
        refused = self._refused.get((url, model), {})
        for parameter, instead in refused.items():
            body = changed(body, parameter, instead)
        return body

    def learn(self, url: str, model: str, body: Body, error: FoundryError) -> Body | None:
        """The request changed in one thing, or None when the error names nothing that can be."""
        parameter = (error.param or "").split(".")[0]
        if error.kind is not ErrorKind.UNSUPPORTED_PARAMETER or parameter not in body or parameter in NEVER_DROPPED:
            return None
        refused = self._refused.setdefault((url, model), {})
        if parameter in refused or len(refused) >= MOST_LESSONS:
            return None
        other = RENAMED.get(parameter, "")
        refused[parameter] = "" if other in refused else other
        return changed(body, parameter, refused[parameter])


def changed(body: Body, parameter: str, instead: str) -> Body:
    if parameter not in body:
        return body
    renamed: Callable[[str], str] = lambda name: instead if name == parameter else name  # noqa: E731 - one use
    return {renamed(name): value for name, value in body.items() if name != parameter or instead}
