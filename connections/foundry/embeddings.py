"""The wire form of embeddings <-> EmbeddingRequest, Embeddings."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from connections.endpoint.endpoint import Endpoint
from connections.foundry.chat import check_error, usage_of
from connections.foundry.classify import speaks_another_api
from connections.foundry.errors import FoundryError
from connections.foundry.filters import text_or_none
from connections.foundry.values import EmbeddingRequest, ProtocolError


def makes_none(error: FoundryError, model: str) -> FoundryError:
    """An error of a call for embeddings; of a deployment that makes none in the words of the API that it lacks."""
    if speaks_another_api(error):
        error.message = f"{error.status}: {model} makes no embeddings."
        error.hint = "Choose a deployment of an embeddings model, such as text-embedding-3-small."
    return error


def body_of(endpoint: Endpoint, request: EmbeddingRequest) -> dict[str, Any]:
    inputs = request.inputs if isinstance(request.inputs, str) else list(request.inputs)
    body: dict[str, Any] = {"input": inputs}
    if endpoint.model_in_body and request.model:
        body["model"] = request.model
    for name in ("dimensions", "encoding_format", "user"):
        if (value := getattr(request, name)) is not None:
            body[name] = value
    return body


def embeddings_fields(data: Any) -> dict[str, Any]:
    """The fields of Embeddings. Raises ProtocolError."""
    entries = data.get("data") if isinstance(data, Mapping) else None
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        check_error(data)
        raise ProtocolError("the answer has no embeddings")
    ordered = sorted(enumerate(entries), key=lambda pair: index_of(pair[1], pair[0]))
    return {
        "vectors": tuple(vector(entry.get("embedding")) for _, entry in ordered),
        "model": text_or_none(data.get("model")),
        "usage": usage_of(data.get("usage")),
    }


def index_of(entry: Mapping[str, Any], otherwise: int) -> int:
    index = entry.get("index")
    return index if isinstance(index, int) else otherwise


def vector(value: Any) -> tuple[float, ...]:
    """Numbers, or base64 of little-endian 32-bit floats."""
    if isinstance(value, list) and all(isinstance(number, int | float) for number in value):
        return tuple(float(number) for number in value)
    try:
        packed = base64.b64decode(value, validate=True) if isinstance(value, str) else None
        return struct.unpack(f"<{len(packed) // 4}f", packed) if packed is not None else not_a_vector()
    except (struct.error, ValueError):
        return not_a_vector()


def not_a_vector() -> tuple[float, ...]:
    raise ProtocolError("an embedding is no list of numbers")
