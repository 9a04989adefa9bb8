"""The properties of an HTTP request -> what is sent. The one place where its secrets are revealed."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from connections.http.messages import OutgoingRequest
from connections.secret import Secret
from flows.language.errors import ActionError
from flows.language.values import ConnectionValue, Response, as_text, secrets_in
from flows.properties.url import secret_in_url

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
BEARER, API_KEY, BASIC = AUTHENTICATIONS = ("bearer token", "API key", "basic")
JSON, TEXT, FORM = BODY_FORMATS = ("JSON", "text", "form")
CONTENT_TYPES = {JSON: "application/json", TEXT: "text/plain; charset=utf-8", FORM: "application/x-www-form-urlencoded"}
HEADER_OF_KEY = "X-API-Key"
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# Headers that the client or HTTP itself sets.
RESERVED = frozenset(
    ("host", "content-length", "connection", "transfer-encoding", "accept-encoding", "expect", "upgrade", "te",
     "trailer", "keep-alive", "proxy-connection")
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RequestParts:
    """Whatever of the properties makes the request. `name` is the user, or the header of the key."""

    method: str
    url: str
    query: Mapping[str, Any]
    headers: Mapping[str, Any]
    body: Any
    body_format: str | None
    authentication: str | None
    credential: Secret
    name: str
    timeout: float
    most_bytes: int


def build_request(parts: RequestParts) -> OutgoingRequest:
    """Raises ActionError of kind input, url or property_missing."""
    content, content_type = encoded_body(parts)
    headers = {**({"Content-Type": content_type} if content_type else {}), **auth_headers(parts)}
    for name, value in header_lines(parts.headers):
        # Whatever is written down comes first, in any case of its letters.
        headers = {known: each for known, each in headers.items() if known.lower() != name.lower()}
        headers[name] = value
    return OutgoingRequest(
        parts.method,
        complete_url(parts.url, parts.query),
        headers,
        content,
        tuple(secrets_in([parts.credential, parts.headers, parts.query, parts.body])),
        parts.timeout,
        parts.most_bytes,
    )


def complete_url(text: str, query: Mapping[str, Any]) -> str:
    """Raises ActionError of kind url."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        is_url = bool(parts.scheme.lower() in ("https", "http") and parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or any(ord(sign) < 33 for sign in text):
        raise ActionError("url", "That is no URL.", "A URL looks like https://api.contoso.com/customers.")
    if why := secret_in_url(text):
        raise ActionError("url", why)
    query_text = "&".join(filter(None, (parts.query, form_text(query))))
    return urlunsplit(parts._replace(query=query_text, fragment=""))


def auth_headers(parts: RequestParts) -> dict[str, str]:
    """Raises ActionError."""
    if not parts.authentication:
        return {}
    value = parts.credential.reveal()
    if not value:
        hint = "The variable it comes from has no value."
        raise ActionError("property_missing", "Token, key or password is empty.", hint)
    if parts.authentication == BASIC:
        pair = base64.b64encode(f"{parts.name}:{value}".encode("utf-8", "replace")).decode()
        return {"Authorization": f"Basic {pair}"}
    if not (value.isascii() and value.isprintable()):
        raise ActionError("input", "The token or key holds a character that none has.", "Copy it again.")
    if parts.authentication == BEARER:
        return {"Authorization": f"Bearer {value}"}
    return dict(header_lines({parts.name: parts.credential}))


def header_lines(headers: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Raises ActionError."""
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or name.lower() in RESERVED:
            hint = "Leave it out: HTTP sets it." if name.lower() in RESERVED else "Use letters, digits and hyphens."
            raise ActionError("input", f"{name[:60]!r} cannot be the name of a header.", hint)
        line = ", ".join(map(sent_text, value)) if isinstance(value, list | tuple) else sent_text(value)
        if not (line.isascii() and line.isprintable()):
            raise ActionError("input", f"The header {name} holds a character that no header has.")
        yield name, line


def encoded_body(parts: RequestParts) -> tuple[bytes | None, str]:
    """With its content type. Raises ActionError."""
    body = parts.body
    if body is None or body == "":
        return None, ""
    body = body.json if isinstance(body, Response) and body.json is not None else body
    is_nested = isinstance(body, Mapping | list | tuple)
    format = parts.body_format or (JSON if is_nested else TEXT)
    if format == FORM and not isinstance(body, Mapping):
        raise ActionError("input", "The body of a form is an object.", 'Give one such as {"grant_type": "password"}.')
    if format == FORM:
        return form_text(body).encode(), CONTENT_TYPES[FORM]
    if format == JSON and (is_nested or not is_json(body)):
        text = json_text(body)
    else:
        text = json.dumps(sent_json(body), ensure_ascii=False) if is_nested else sent_text(body)
    return text.encode("utf-8", "replace"), CONTENT_TYPES[format]


def json_text(body: Any) -> str:
    """Raises ActionError."""
    try:
        return json.dumps(sent_json(body), ensure_ascii=False, allow_nan=False)
    except ValueError:
        hint = "Infinity and what is no number are written as text, or left out."
        raise ActionError("input", "The body holds a number that JSON has no word for.", hint) from None


def is_json(body: Any) -> bool:
    """Whether a text is JSON already."""
    try:
        json.loads(body)
    except (TypeError, ValueError, RecursionError):
        return False
    return isinstance(body, str)


def form_text(values: Mapping[str, Any]) -> str:
    return urlencode(list(form_pairs(values)), errors="replace")


def form_pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None:
                yield str(name), sent_text(each)


def sent_text(value: Any) -> str:
    """The value as it is sent, a secret revealed."""
    if isinstance(value, Secret):
        return value.reveal()
    return json.dumps(sent_json(value), ensure_ascii=False) if isinstance(value, Mapping | list) else as_text(value)


def sent_json(value: Any) -> Any:
    match value:
        case Secret():
            return value.reveal()
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(name): sent_json(inner) for name, inner in value.items()}
        case list() | tuple():
            return [sent_json(inner) for inner in value]
        case Response() | ConnectionValue():
            return str(value)
    return as_text(value)
