"""Files as inputs of a run: images and PDF, known by their bytes.

In the run a file is a small object, its reference: name, media type, size in bytes and SHA-256. The bytes are kept
apart, and only an action that sends them reads them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes

ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif", "application/pdf": "pdf"}
MEDIA_TYPES = tuple(ENDINGS)
PARTS = ("name", "media_type", "size", "sha256")  # of a reference, in this order
HOW = "Give a data URI, an https address, or send it as multipart/form-data"
LONGEST_NAME = 200  # characters
PART_SIZE = 3 * 64 * 1024  # bytes that are kept as one text: in base64 nothing is left over between two
PDF_BEGINS_WITHIN = 1_024  # bytes; readers of PDF take what stands before
DATA_URI = re.compile(r"data:[^,;]*((?:;[^,;]*)*?)(;base64)?,", re.IGNORECASE)
NAME = re.compile(r";name=([^;]*)", re.IGNORECASE)


class FileRefused(ValueError):
    """Why something is no file that a run takes: a predicate, such as "is larger than 10 MB"."""


@dataclass(frozen=True)
class FileLimits:
    """In bytes."""

    of_file: int
    of_run: int  # all files of a run together


@dataclass(frozen=True)
class GivenFile:
    """A file that somebody starts a run with. Stands in its inputs until the run is made."""

    name: str
    media_type: str
    data: bytes = field(repr=False)
    sealed: list[str] = field(default_factory=list, repr=False, compare=False)  # as it is kept, once it is encrypted

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def reference(self) -> dict[str, Any]:
        """What stands for it in the run."""
        return {"name": self.name, "media_type": self.media_type, "size": len(self.data), "sha256": self.sha256}

    def parts(self) -> Iterator[str]:
        """Its bytes as base64, in texts of a bounded length that are joined as they are."""
        for at in range(0, len(self.data), PART_SIZE):
            yield base64.b64encode(self.data[at : at + PART_SIZE]).decode("ascii")


def media_type_of(data: bytes) -> str:
    """By what the bytes begin with; empty for what is neither an image nor a PDF."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return "application/pdf" if b"%PDF-" in data[:PDF_BEGINS_WITHIN] else ""


def read_file(name: str, data: bytes, limits: FileLimits) -> GivenFile:
    """What somebody sent. Raises FileRefused."""
    if not data:
        raise FileRefused("is empty")
    if len(data) > limits.of_file:
        raise FileRefused(f"is larger than {megabytes(limits.of_file)}, the most that a file may have")
    media_type = media_type_of(data)
    if not media_type:
        raise FileRefused("is neither an image (PNG, JPEG, WebP, GIF) nor a PDF: its bytes begin like none of them")
    return GivenFile(clean_name(name, media_type), media_type, data)


def read_data_uri(text: str, limits: FileLimits) -> GivenFile:
    """Raises FileRefused."""
    found = DATA_URI.match(text)
    if found is None:
        raise FileRefused("is no data URI: that has a comma between its type and its data")
    data = text[found.end() :]
    if len(data) > (limits.of_file * 4 // 3 + 4) * 3:  # percent signs make three characters of each byte at most
        raise FileRefused(f"is larger than {megabytes(limits.of_file)}, the most that a file may have")
    name = NAME.search(found[1])
    named = unquote_to_bytes(name[1]).decode("utf-8", "replace") if name else ""
    content = unquote_to_bytes(data)
    if not found[2]:
        return read_file(named, content, limits)
    try:
        return read_file(named, base64.b64decode(re.sub(rb"\s+", b"", content), validate=True), limits)
    except binascii.Error:
        raise FileRefused("is a data URI whose data is not base64") from None


def clean_name(name: str, media_type: str) -> str:
    """The last part of a path, in printable characters; a name by its kind where there is none."""
    last = re.split(r"[/\\]", name)[-1]
    cleaned = "".join(letter for letter in last if letter.isprintable()).strip()
    if len(cleaned) > LONGEST_NAME:
        stem, dot, ending = cleaned.rpartition(".")
        keep = f".{ending}" if dot and len(ending) <= 10 else ""
        cleaned = (stem if keep else cleaned)[: LONGEST_NAME - len(keep)] + keep
    return cleaned or f"file.{ENDINGS[media_type]}"


def megabytes(size: int) -> str:
    """Such as "10 MB", or "350 KB" where that is less than one."""
    return f"{size / 1_000_000:.3g} MB" if size >= 1_000_000 else f"{max(1, round(size / 1_000)):,} KB"


def check_together(files: Iterable[GivenFile], limits: FileLimits) -> None:
    """Raises FileRefused when the files of one run are too large together."""
    size = sum({file.sha256: len(file.data) for file in files}.values())
    if size > limits.of_run:
        raise FileRefused(f"are larger than {megabytes(limits.of_run)} together, the most that the files of a run have")


def is_file(value: Any) -> bool:
    """Whether it is the reference of a file."""
    return (
        isinstance(value, Mapping)
        and value.keys() == set(PARTS)
        and isinstance(value["size"], int)
        and all(isinstance(value[name], str) for name in ("name", "media_type", "sha256"))
        and value["media_type"] in ENDINGS
    )


def holds_file(value: Any) -> bool:
    """Whether the reference of a file is in it, at whatever depth."""
    if isinstance(value, Mapping):
        return is_file(value) or any(map(holds_file, value.values()))
    return isinstance(value, list | tuple) and any(map(holds_file, value))


def files_in(inputs: Mapping[str, Any]) -> list[GivenFile]:
    """Those that a run is started with, by whatever names."""
    return [value for value in inputs.values() if isinstance(value, GivenFile)]


def with_references(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the run keeps them."""
    return {name: value.reference if isinstance(value, GivenFile) else value for name, value in inputs.items()}


def to_file(value: Any) -> Any:
    """The value as a variable of type file. Raises ValueError."""
    if isinstance(value, GivenFile):
        return value.reference
    if not is_file(value):
        raise ValueError("is not a file")
    return {name: value[name] for name in PARTS}
