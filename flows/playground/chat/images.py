"""Images of a question: files as the browser sent them -> data URIs, bounded and looked at."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from flows.language.files import media_type_of

MOST, LARGEST = 5, 4 * 1024 * 1024  # images of one question, bytes of one
DATA_URI = re.compile(r"data:(image/[a-z]+);base64,([A-Za-z0-9+/]+={0,2})")


class BadImage(ValueError):
    """The message is for people."""


def kind_of(content: bytes) -> str:
    """By its first bytes, whatever it calls itself; empty when it is none of the kinds that models take."""
    kind = media_type_of(content)
    return kind if kind.startswith("image/") else ""


def read_images(files: Sequence[UploadedFile[Any]]) -> list[str]:
    """Uploaded files as data URIs. Raises BadImage."""
    if len(files) > MOST:
        raise BadImage(f"{len(files)} images. A question takes at most {MOST}: remove {len(files) - MOST}.")
    return [data_uri(file.name or "image", size=file.size or 0, content=file.read(LARGEST + 1)) for file in files]


def data_uri(name: str, *, size: int, content: bytes) -> str:
    if max(size, len(content)) > LARGEST:
        raise BadImage(f"{name[:80]} is larger than 4 MB. Make it smaller.")
    kind = kind_of(content)
    if not kind:
        raise BadImage(f"{name[:80]} is not a PNG, JPEG, GIF or WebP image. Convert it to one of them.")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def decode_image(uri: str) -> tuple[str, bytes]:
    """Kind and bytes to show: of a data URI, in which nothing but an image is believed. Raises BadImage."""
    found = DATA_URI.fullmatch(uri)
    try:
        content = base64.b64decode(found[2], validate=True) if found else b""
    except binascii.Error:
        content = b""
    kind = kind_of(content)
    if not kind or len(content) > LARGEST:
        raise BadImage("This is not an image.")
    return kind, content
