"""What an HTTP service answered -> the result variable, or an error that says what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from connections.endpoint.embedded_secrets import without_secrets
from connections.foundry.masking import Masker
from connections.http.messages import ReceivedAnswer
from connections.secret import Secret
from flows.language.errors import ActionError
from flows.language.secret_parts import mask_parts, seal_parts
from foundryflow.strict_json import JsonError, read_json

LONGEST_RAW = 20_000  # characters of an answer that are kept of an error
REDIRECTS = (301, 302, 303, 307, 308)
SECRET_HEADERS = ("set-cookie", "authorization", "proxy-authorization")
STATUS_KINDS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 408: "timeout", 429: "rate_limit"}
STATUS_HINTS = {
    401: "Check Authentication, and whether the token or key is still valid.",
    403: "The token or key is known, but may not do this.",
    404: "Check the path of the URL.",
    429: "Try again later; Retry in the property panel does.",
}


def as_variable(
    text: str, response: ReceivedAnswer, masker: Masker, paths: Sequence[str], wants_json: bool
) -> dict[str, Any]:
    """Status, headers, and the body as `json` or as `text`: its secret parts are secrets, what was sent is masked.

    Raises ActionError of kind invalid_json.
    """
    parsed = json_of(text, response.status, "" if paths else masker.text(text)) if wants_json and text else None
    # First the parts: a service may give the very key that it was asked with.
    return {
        "status": response.status,
        "headers": headers_of(response, masker),
        "json": masker.value(seal_parts(parsed, paths)),
        "text": "" if wants_json else masker.text(text),
    }


def refuse_error_status(response: ReceivedAnswer, masker: Masker, paths: Sequence[str]) -> None:
    """Raises ActionError."""
    status = response.status
    if status in REDIRECTS:
        place = masker.text(without_secrets(response.headers.get("location", "")))
        raise ActionError(
            "redirect",
            f"The service leads to {place or 'another address'}, which is not followed.",
            "Give that address as the URL, if the credentials are meant for it.",
            status=status,
        )
    if status < 400:
        return
    kind = STATUS_KINDS.get(status, "server" if status >= 500 else "http_status")
    hint = STATUS_HINTS.get(status, "Try again." if status >= 500 else "The answer says what is wrong with it.")
    raise ActionError(
        kind, f"The service answered with status {status}.", hint, status=status, raw=excerpt(response, masker, paths)
    )


def json_of(text: str, status: int, shown: str) -> Any:
    """Raises ActionError."""
    try:
        return read_json(text)
    except JsonError as error:
        raise ActionError(
            "invalid_json",
            f"The answer is not JSON ({error}).",
            "Check the URL, and what Response format and Secret parts ask for.",
            status=status,
            raw=shown[:LONGEST_RAW],
        ) from None


def headers_of(response: ReceivedAnswer, masker: Masker) -> dict[str, Any]:
    """Those that carry credentials are secrets."""
    return {
        name: Secret(value) if name in SECRET_HEADERS else masker.text(value)
        for name, value in response.headers.items()
    }


def excerpt(response: ReceivedAnswer, masker: Masker, paths: Sequence[str]) -> str:
    """The beginning of an error's body, without its secret parts and without what was sent."""
    text = response.text
    if paths:
        with suppress(JsonError):
            text = json.dumps(mask_parts(read_json(text), paths), ensure_ascii=False)
    return masker.text(text)[:LONGEST_RAW]
