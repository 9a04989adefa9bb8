"""What can go wrong in a run, and the signals that unwind a block.

ActionError   one action could not do its work; `kind` says which way, the rest is for people
RunFailed     a run ended because of an ActionError at a path
Returned      not an error: `return` ends the run with a value
LoopLeft      not an error: `break` or `continue` ends an iteration
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Signal(StrEnum):
    """What a finished action does to the blocks around it."""

    NONE = ""
    RETURN = "return"
    BREAK = "break"
    CONTINUE = "continue"


class ActionError(Exception):
    """`kind` is stable and short ("auth_key"); `message` says what happened, `hint` what to do.

    `raw` is the masked answer behind it, `facts` what the action had found out so far. What may have changed something
    already, so that it is not for the action to be tried again unless its retry names the kind, is no `may_repeat`.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        hint: str = "",
        *,
        status: int | None = None,
        request_id: str | None = None,
        raw: str = "",
        facts: Mapping[str, Any] | None = None,
        may_repeat: bool = True,
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint
        self.status, self.request_id, self.raw = status, request_id, raw
        self.facts, self.may_repeat = dict(facts or {}), may_repeat


class RunFailed(Exception):
    """The run ended at `path` because of `error`."""

    def __init__(self, path: str, action_id: str, error: ActionError) -> None:
        super().__init__(f"{path or 'start'}: {error.message}")
        self.path, self.action_id, self.error = path, action_id, error


class Returned(Exception):
    """Unwinds every block up to the run; with the `failure` of the action that a run was to end behind."""

    def __init__(self, value: object, failure: RunFailed | None = None) -> None:
        super().__init__("return")
        self.value, self.failure = value, failure


class LoopLeft(Exception):
    """Unwinds every block up to the iteration of the nearest loop; `signal` is BREAK or CONTINUE."""

    def __init__(self, signal: Signal, path: str, action_id: str) -> None:
        super().__init__(signal.value)
        self.signal, self.path, self.action_id = signal, path, action_id
