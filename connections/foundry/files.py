"""Images and PDF as parts of a message, in the form of the chat API; each API makes its own of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connections.foundry.values import Message


def file_part(name: str, media_type: str, data: str) -> dict[str, Any]:
    """`data` is base64. Whatever is no image is a document, sent with its name."""
    uri = f"data:{media_type};base64,{data}"
    if media_type.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": uri}}
    return {"type": "file", "file": {"filename": name, "file_data": uri}}


def document_in(part: Any) -> Mapping[str, Any] | None:
    """What a part says of a document; None of any other part."""
    file = part.get("file") if isinstance(part, Mapping) and part.get("type") == "file" else None
    return file if isinstance(file, Mapping) else None


def documents_in(messages: Sequence[Message]) -> Iterator[Mapping[str, Any]]:
    for message in messages:
        if isinstance(message.content, list):
            yield from filter(None, map(document_in, message.content))
