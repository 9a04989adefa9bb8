"""A body of multipart/form-data, which says the same as one of JSON: inputs by their names, files as they are."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from flows.language.files import FileRefused, read_file
from flows.language.values import to_boolean
from flows.models.run_file import file_limits

MULTIPART = "multipart/form-data"
INPUTS = "inputs."  # may begin the name of an input, and does where that is one of the names below
TEXTS, SWITCHES = ("customer", "path"), ("anyway", "newest")
ENVELOPE = 1024 * 1024  # bytes of a body beside its files


class UnfitBody(Exception):
    """A body, but none that a call takes. The message is a sentence."""


def longest_multipart() -> int:
    """Bytes of a whole body."""
    return file_limits().of_run + ENVELOPE


def read_form(request: HttpRequest) -> dict[str, Any]:
    """The body as JSON would say it; files are a `GivenFile` each. Raises UnfitBody."""
    try:
        fields: dict[str, list[str]] = {name: list(map(str, values)) for name, values in request.POST.lists()}
        files: dict[str, list[UploadedFile[Any]]] = dict(request.FILES.lists())
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise UnfitBody(f"The body is no {MULTIPART} that can be read: {error}") from None
    body: dict[str, Any] = {"inputs": {}}
    counts = Counter([name for sent in (fields, files) for name, values in sent.items() for _ in values])
    if twice := next((name for name, count in counts.items() if count > 1), ""):
        raise UnfitBody(f"{twice} is there twice.")
    for name, (text,) in fields.items():
        place(body, name, text)
    for name, (sent,) in files.items():
        try:
            place(body, name, read_file(sent.name or "", sent.read(), file_limits()))
        except FileRefused as error:
            raise UnfitBody(f"The file of {name.removeprefix(INPUTS)} {error}.") from None
        sent.close()  # it would be in memory a second time, as long as the call waits for its run
    return body


def place(body: dict[str, Any], name: str, value: Any) -> None:
    """Where the value belongs in a body of JSON. Raises UnfitBody."""
    if name in SWITCHES:
        try:
            body[name] = to_boolean(value)
        except ValueError as error:
            raise UnfitBody(f"{name} {error}.") from None
    elif name in TEXTS:
        body[name] = value
    else:
        body["inputs"][name.removeprefix(INPUTS)] = value
