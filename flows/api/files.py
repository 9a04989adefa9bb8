"""Files among the inputs of a call: data URIs are read, https addresses fetched, before the run is made."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from connections.clients import http_client
from connections.http.messages import OutgoingRequest, RequestFailed
from flows.api.problems import ApiProblem
from flows.language.files import FileLimits, FileRefused, GivenFile, check_together, files_in, read_data_uri, read_file
from flows.models.run_file import file_limits, seal_files

ADDRESSES = ("https://", "http://")
FETCH_SECONDS = 30.0


def may_hold_files(inputs: Mapping[str, Any]) -> bool:
    """Whether it is worth asking which inputs of the flow are files."""
    return any(isinstance(value, GivenFile) or is_address(value) or is_data_uri(value) for value in inputs.values())


def is_data_uri(value: Any) -> bool:
    return isinstance(value, str) and value[:5].lower() == "data:"


def is_address(value: Any) -> bool:
    return isinstance(value, str) and value[:8].lower().startswith(ADDRESSES)


async def read_inputs(inputs: Mapping[str, Any], files: Collection[str]) -> dict[str, Any]:
    """The inputs with what those named `files` mean in the place of what they say. Raises ApiProblem."""
    limits, read = file_limits(), dict(inputs)
    for name in set(files) & set(inputs):
        try:
            read[name] = await read_value(inputs[name], limits)
            check_together(files_in(read), limits)
        except FileRefused as error:
            subject = "The files" if isinstance(read[name], GivenFile) else f"The input {name}"
            raise ApiProblem(422, f"{subject} {error}.", kind="input") from None
    await asyncio.to_thread(seal_files, files_in(read))
    return read


async def read_value(value: Any, limits: FileLimits) -> Any:
    """Raises FileRefused."""
    if is_data_uri(value):
        return await asyncio.to_thread(read_data_uri, value, limits)
    return await fetch_file(value, limits) if is_address(value) else value


async def fetch_file(address: str, limits: FileLimits) -> GivenFile:
    """By the rules about destinations; the address leads nowhere else and is not kept. Raises FileRefused."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        raise FileRefused("is no address that can be read") from None
    if parts.scheme.lower() != "https" or not host:
        raise FileRefused("is an http address; only https addresses are fetched")
    try:
        request = OutgoingRequest("GET", address, timeout=FETCH_SECONDS, most_bytes=limits.of_file)
        answer = await http_client().send(request)
    except RequestFailed as error:
        said = "it is too large" if error.kind == "too_large" else error.message.rstrip(".")
        raise FileRefused(f"cannot be fetched from {host}: {said}") from None
    if 300 <= answer.status < 400:
        raise FileRefused(f"cannot be fetched: {host} answers {answer.status} and leads elsewhere; give that address")
    if answer.status != 200:
        raise FileRefused(f"cannot be fetched: {host} answers {answer.status}")
    return await asyncio.to_thread(read_file, unquote(parts.path).rpartition("/")[2], answer.body, limits)
