"""The body as SDKs with types want it: turns of the conversation, settings they know, and the rest as JSON.

These SDKs write messages in their own way, which means the same: a text may become a list of one part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from connections.foundry.routes import Api
from flows.playground.snippets.choice import Refusal
from flows.playground.snippets.plan import Plan

ROLES = ("system", "developer", "user", "assistant")


@dataclass(frozen=True)
class Image:
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
class Turn:
    role: str
    parts: tuple[str | Image, ...]

    @property
    def text(self) -> str | None:
        """Of a turn without images and of one part."""
        (first, *others) = self.parts
        return first if isinstance(first, str) and not others else None


@dataclass(frozen=True)
class Typed:
    turns: tuple[Turn, ...]
    known: Mapping[str, Any]  # what the SDK has a name for
    others: Mapping[str, Any]  # what goes as JSON
    streams: bool


def typed(plan: Plan, known: Collection[str]) -> Typed:
    """Raises Refusal for messages that are no plain conversation."""
    apart = {"model", "messages", "input", "stream", "stream_options"}
    given = plan.body["messages"] if plan.api is Api.CHAT else plan.body["input"]
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return Typed(
        turns=tuple(turn_of(message) for message in messages),
        known={name: value for name, value in plan.body.items() if name in known},
        others={name: value for name, value in plan.body.items() if name not in known and name not in apart},
        streams=plan.streams,
    )


def turn_of(message: Mapping[str, Any]) -> Turn:
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if message.get("role") not in ROLES or not parts or message.get("tool_calls"):
        raise Refusal("The history holds calls of tools. Choose Python, JavaScript or REST.")
    turn = Turn(str(message["role"]), tuple(part_of(part) for part in parts))
    if turn.role != "user" and turn.text is None:
        raise Refusal("The history holds a message of several parts. Choose Python, JavaScript or REST.")
    return turn


def part_of(part: Mapping[str, Any]) -> str | Image:
    match part.get("type"):
        case "text" | "input_text" | "output_text":
            return str(part.get("text", ""))
        case "image_url":
            image = part["image_url"]
            return Image(str(image["url"]), str(image.get("detail", "")))
        case "input_image" if part.get("image_url"):
            return Image(str(part["image_url"]), str(part.get("detail", "")))
    raise Refusal("A message holds a part that is neither text nor image. Choose Python, JavaScript or REST.")
