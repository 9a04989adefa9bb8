"""The body as SDKs with types want it: turns of the conversation, settings they know, and the rest as JSON.

These SDKs write messages in their own way, which means the same: a text may become a list of one part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from connections.foundry.routes import Api
from flows.playground.code_writers.call_plan import CallPlan
from flows.playground.code_writers.choices import SnippetRefusal

OF_RESPONSES = ("temperature", "top_p", "max_output_tokens", "store", "instructions")  # that all of these SDKs know
ROLES = ("system", "developer", "user", "assistant")


@dataclass(frozen=True)
class MessageImage:
    url: str
    detail: str = ""

    @property
    def inline(self) -> tuple[str, str] | None:
        """Media type and Base64 of a data URI; None for an address."""
        head, comma, data = self.url.partition(",")
        if not comma or not head.startswith("data:") or not head.endswith(";base64"):
            return None
        return head.removeprefix("data:").removesuffix(";base64"), data


@dataclass(frozen=True)
class MessageTurn:
    role: str
    parts: tuple[str | MessageImage, ...]

    @property
    def text(self) -> str | None:
        """Of a turn without images and of one part."""
        (first, *others) = self.parts
        return first if isinstance(first, str) and not others else None


@dataclass(frozen=True)
class TypedBody:
    turns: tuple[MessageTurn, ...]
    known: Mapping[str, Any]  # what the SDK has a name for
    others: Mapping[str, Any]  # what goes as JSON

    @property
    def stop_texts(self) -> list[str]:
        stop = self.known.get("stop") or []
        return [stop] if isinstance(stop, str) else list(stop)


def typed_body(plan: CallPlan, known: Collection[str]) -> TypedBody:
    """Raises SnippetRefusal for messages that are no plain conversation."""
    apart = {"model", "messages", "input", "stream", "stream_options"}
    given = plan.body["messages"] if plan.api is Api.CHAT else plan.body["input"]
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return TypedBody(
        turns=tuple(turn_of(message) for message in messages),
        known={name: value for name, value in plan.body.items() if name in known},
        others={name: value for name, value in plan.body.items() if name not in known and name not in apart},
    )


def turn_of(message: Mapping[str, Any]) -> MessageTurn:
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if message.get("role") not in ROLES or not parts or message.get("tool_calls"):
        raise SnippetRefusal("The history holds calls of tools. Choose Python, JavaScript or REST.")
    turn = MessageTurn(str(message["role"]), tuple(part_of(part) for part in parts))
    if turn.role != "user" and turn.text is None:
        raise SnippetRefusal("The history holds a message of several parts. Choose Python, JavaScript or REST.")
    return turn


def part_of(part: Mapping[str, Any]) -> str | MessageImage:
    match part.get("type"):
        case "text" | "input_text" | "output_text":
            return str(part.get("text", ""))
        case "image_url":
            image = part["image_url"]
            return MessageImage(str(image["url"]), str(image.get("detail", "")))
        case "input_image" if part.get("image_url"):
            return MessageImage(str(part["image_url"]), str(part.get("detail", "")))
    raise SnippetRefusal("A message holds a part that is neither text nor image. Choose Python, JavaScript or REST.")
