"""Turns the history of a chat completion into turns that a session goes on from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.actions.chat_completion.action import is_parts
from flows.language.expressions import is_plain
from flows.language.values import as_text

MOST = 500  # turns
IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,")


class HistoryNotKept(ValueError):
    """A session cannot keep these messages; the sentence says why."""


@dataclass(frozen=True)
class Exchange:
    """A question, as a template, and its answer."""

    prompt: str
    answer: str
    images: tuple[str, ...] = ()


def exchanges(history: Any, examples: int = 0) -> list[Exchange]:
    """The messages behind the pairs that are `examples`, two by two. Raises HistoryNotKept."""
    messages = flatten(history)[2 * examples :]
    questions, answers = messages[::2], messages[1::2]
    if len(questions) > MOST:
        raise HistoryNotKept(f"it has more than {MOST} turns")
    roles = [role_of(message) for message in messages]
    if roles != ["user", "assistant"] * len(answers):
        raise HistoryNotKept("its messages are not questions and answers by turns")
    return [exchange(content_of(one), content_of(other)) for one, other in zip(questions, answers, strict=True)]


def flatten(history: Any) -> list[Any]:
    """A list in the list stands for its messages."""
    items = history if isinstance(history, list | tuple) else []
    return [message for item in items for message in (item if isinstance(item, list | tuple) else [item])]


def role_of(message: Any) -> Any:
    return message.get("role") if isinstance(message, Mapping) else None


def content_of(message: Mapping[str, Any]) -> Any:
    content = message.get("content")
    return content if is_parts(content) else as_text(content)


def exchange(question: Any, answer: Any) -> Exchange:
    if not isinstance(answer, str) or not answer:
        raise HistoryNotKept("an answer in it is not a text")
    if isinstance(question, str):
        return Exchange(literal_template(question), answer)
    text, *images = question or [None]
    urls = tuple(url for url in map(image_in, images) if url)
    if not is_text(text) or len(urls) != len(images):
        raise HistoryNotKept("a question in it is made of more than a text and images")
    return Exchange(literal_template(text["text"]), answer, urls)


def is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)


def image_in(part: Mapping[str, Any]) -> str | None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else None
    return url if isinstance(url, str) and IMAGE.match(url) else None


def literal_template(text: str) -> str:
    """A template that renders as this text."""
    if is_plain(text):
        return text
    # The parser would take the end for its own, and make one kind of newline of all.
    if "endraw" in text or "\r" in text:
        raise HistoryNotKept("a question in it holds a template")
    return f"{{% raw %}}{text}{{% endraw %}}"
