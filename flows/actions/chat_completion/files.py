"""The files that go beside a prompt: references become parts of the message, with the bytes in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connections.foundry.files import file_part
from connections.foundry.values import ChatRequest
from flows.actions.services import Services
from flows.language.errors import ActionError
from flows.language.files import is_file

MOST_FILES = 20
EXAMPLE = "Name inputs of type file: {{ invoice }}, or {{ [front, back] }}."


async def file_parts(value: Any, services: Services) -> list[dict[str, Any]]:
    """Raises ActionError."""
    references = list(references_in(value))
    if len(references) > MOST_FILES:
        raise ActionError("files", f"{len(references)} files; a prompt takes at most {MOST_FILES}.", "Leave some out.")
    return [file_part(each["name"], each["media_type"], await services.file(each)) for each in references]


def files_problem(stored: Any) -> str:
    """What is wrong with the property as it is stored; empty when nothing is."""
    listed = stored if isinstance(stored, list) else [stored]
    literal = next((each for each in listed if each not in (None, "") and "{{" not in str(each)), None)
    return "" if literal is None else f"Files holds {str(literal)[:40]!r}, which names no input. {EXAMPLE}"


def references_in(value: Any) -> Iterator[Mapping[str, Any]]:
    """A file, or those of a list, of lists in it, too; an input that was left empty is none. Raises ActionError."""
    if value in (None, ""):
        return
    if isinstance(value, list | tuple):
        for each in value:
            yield from references_in(each)
        return
    if not is_file(value):
        raise ActionError("files", "Files holds what is no file.", EXAMPLE)
    yield value


def with_files(request: ChatRequest, parts: Sequence[dict[str, Any]]) -> ChatRequest:
    """The request with the parts behind the text of its last message."""
    if not parts:
        return request
    *before, last = request.messages
    said = last.content if isinstance(last.content, list) else [{"type": "text", "text": last.content or ""}]
    return replace(request, messages=(*before, replace(last, content=[*said, *parts])))
