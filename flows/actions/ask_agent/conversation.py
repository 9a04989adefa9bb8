"""What a variable of the flow keeps of a conversation: the id of what the service keeps, or its turns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.foundry.agents import AgentRequest, Memory, gone_on_from
from connections.foundry.values import Completion, Message, Target
from flows.actions.base import Step
from flows.language.errors import ActionError
from flows.language.values import Response

ROLES = ("user", "assistant")
MOST_TURNS = 1_000


@dataclass(frozen=True)
class Conversation:
    """What was there before a message: an id, or for agents that keep nothing all that was said."""

    id: str = ""
    turns: tuple[Message, ...] = ()

    @property
    def memory(self) -> Memory | None:
        """Where it is kept; None when there is nothing yet, or only turns."""
        return gone_on_from(self.id) if self.id else None

    def after(self, request: AgentRequest, completion: Completion, target: Target) -> str | list[dict[str, str]]:
        """What the variable keeps now."""
        if target.endpoint.is_application:
            said = [*request.messages, Message("assistant", completion.text)]
            return [{"role": turn.role, "content": str(turn.content)} for turn in said][-MOST_TURNS:]
        if request.keeps_conversation:
            return request.goes_on_from
        return str(completion.raw.get("id") or "")


async def conversation_in(variable: str | None, step: Step) -> Conversation:
    """What the variable holds; else what this action has opened before the process died. Raises ActionError."""
    if not variable:
        return Conversation()
    found = read_conversation(step.scope.get(variable), variable)
    note = step.last_note
    if found == Conversation() and isinstance(note, Mapping):
        return Conversation(str(note.get("conversation") or ""))
    return found


def read_conversation(value: Any, variable: str) -> Conversation:
    """Raises ActionError."""
    if isinstance(value, Response):
        value = value.conversation
    if isinstance(value, Mapping):
        value = value.get("conversation") or value.get("id")
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise wrong_conversation(variable) from None
    if value in (None, "", []):
        return Conversation()
    if isinstance(value, str):
        return Conversation(value.strip())
    if isinstance(value, list | tuple) and all(is_turn(each) for each in value):
        return Conversation(turns=tuple(Message(turn["role"], turn["content"]) for turn in value))
    raise wrong_conversation(variable)


def is_turn(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("role") in ROLES and isinstance(value.get("content"), str)


def wrong_conversation(variable: str) -> ActionError:
    return ActionError(
        "conversation",
        f"{variable} holds no conversation.",
        "Use a variable that nothing else sets, or give the id that an earlier answer had as its conversation.",
    )
