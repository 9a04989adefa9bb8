"""Texts of a request that are templates of plain variables: `Customer {{ customer_id }} asks`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.foundry.values import Message
from flows.playground.variables import PLAIN_TAG

OTHER_TAGS = ("{{", "{%", "{#")
WHERE_TEXTS_ARE = ("content", "text", "instructions", "input")


@dataclass(frozen=True)
class TextVariable:
    """A variable in a text."""

    name: str


class TemplatedText(str):
    """A text that knows which variables it was made of; for whoever does not ask, a text like any other."""

    parts: tuple[str | TextVariable, ...]

    @classmethod
    def of(cls, template: str, variables: Mapping[str, str]) -> TemplatedText | None:
        """None unless every tag of the template is the plain name of a variable."""
        pieces = PLAIN_TAG.split(template)
        names = pieces[1::2]
        if not names or any(tag in text for text in pieces[::2] for tag in OTHER_TAGS):
            return None
        if not all(name in variables for name in names):
            return None
        parts = [TextVariable(piece) if at % 2 else piece for at, piece in enumerate(pieces)]
        made = cls("".join(variables[part.name] if isinstance(part, TextVariable) else part for part in parts))
        made.parts = tuple(part for part in parts if part)
        return made

    @property
    def names(self) -> set[str]:
        return {part.name for part in self.parts if isinstance(part, TextVariable)}


def templated_texts(
    messages: Sequence[Message], templates: Sequence[str], variables: Mapping[str, str]
) -> tuple[TemplatedText, ...]:
    """The texts of messages that are their template, filled in plainly."""
    found = []
    for message, template in zip(messages, templates, strict=False):
        composed = TemplatedText.of(template, variables)
        if composed is not None and composed in texts_of(message):
            found.append(composed)
    return tuple(found)


def texts_of(message: Message) -> list[str]:
    if isinstance(message.content, str):
        return [message.content]
    return [str(part["text"]) for part in message.content or [] if "text" in part]


def mark_templated(value: Any, found: Mapping[str, TemplatedText], name: str = "") -> Any:
    """The same value, in which texts that were composed know it."""
    match value:
        case str():
            return found.get(value, value) if name in WHERE_TEXTS_ARE else value
        case Mapping():
            return {inner: mark_templated(entry, found, inner) for inner, entry in value.items()}
        case list() | tuple():
            return [mark_templated(entry, found) for entry in value]
        case _:
            return value


def names_in(value: Any) -> Iterator[str]:
    match value:
        case TemplatedText():
            yield from value.names
        case Mapping():
            for entry in value.values():
                yield from names_in(entry)
        case list():
            for entry in value:
                yield from names_in(entry)
