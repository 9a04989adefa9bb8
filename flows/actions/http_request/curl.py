"""A curl command -> the properties of a request, and in sentences what of it cannot be taken over.

Credentials go where secrets are kept: into Authentication, or into a header or parameter that is called like one. What
stands in a body, where nothing is encrypted, is left out and named.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from connections.endpoint.embedded_secrets import path_has_secret
from flows.actions.base import PastedProperties
from flows.actions.http_request.curl_body import body_of, encoded_data, without_secret_values
from flows.actions.http_request.curl_options import options_of
from flows.actions.http_request.curl_request import (
    CurlRequest,
    group_by_name,
    leave_out,
    looks_secret,
    short,
    take_option,
)
from flows.actions.http_request.request import API_KEY, BASIC, BEARER, HEADER_NAME, METHODS, RESERVED
from flows.actions.http_request.shell_words import FOUND_VARIABLE, VARIABLE, WordsError, read_command
from flows.properties.named_values import names_secret
from flows.properties.url import secret_in_url

LONGEST = 200_000  # characters
NO_COMMAND = (
    "This is no curl command. It begins with curl and holds an address: curl https://api.contoso.com/customers."
)
BEGINNING = re.compile(r"^\s*(?:[$>#]\s+)?(?:sudo\s+)?curl(?:\.exe)?(?=\s)")
# What a paste decides; what it does not say is cleared.
DECIDED = (
    "method", "url", "query", "authentication", "credential", "user_name", "key_header", "headers", "body",
    "body_format",
)  # fmt: skip


class CurlError(ValueError):
    """Nothing can be taken over; the message is a sentence."""


def read_curl(text: str) -> PastedProperties:
    """Raises CurlError."""
    if len(text) > LONGEST:
        raise CurlError(
            f"The text is longer than {LONGEST:,} characters. Leave the body out, and paste that into Body."
        )
    found = BEGINNING.match(text)
    if found is None:
        raise CurlError(NO_COMMAND)
    try:
        command = read_command(text[found.end() :])
    except WordsError as error:
        raise CurlError(str(error)) from None
    request = CurlRequest()
    for name, value in options_of(command.words):
        take_option(request, name, value)
    if not request.addresses:
        raise CurlError(NO_COMMAND)
    if len(request.addresses) > 1:
        request.note("Only the first address is taken over: a request of a flow asks one.")
    if command.rest:
        request.note(f"What follows the command is left out: {short(command.rest)}")
    return properties_of_request(request)


def properties_of_request(request: CurlRequest) -> PastedProperties:
    made: dict[str, Any] = dict.fromkeys(DECIDED)
    split_address(request, made)
    take_credentials(request, made)
    body, kind = body_of(request)
    if body not in (None, ""):
        made["body"], made["body_format"] = without_secret_values(request, body), kind
    made["headers"] = headers_of(request) or None
    made["method"] = method_of(request, has_body=request.has_parts or bool(request.data and not request.in_query))
    if request.timeout and is_timeout(request.timeout):
        made["timeout"] = float(request.timeout)
    names = {name for value in made.values() for name in shell_variables(value)} - request.unsaid
    if names:
        request.note(f"Variables of the shell became variables of the flow: {', '.join(sorted(names))}. Declare them.")
    made = {name: keepable(request, name, value) for name, value in made.items()}
    return PastedProperties({name: as_template(value) for name, value in made.items()}, tuple(request.notes))


def keepable(request: CurlRequest, name: str, value: Any) -> Any:
    """What can be kept in a place for secrets: one text, or one variable alone. The rest is left out."""
    if name in ("headers", "query") and isinstance(value, dict):
        kept = {each: keepable_entry(request, each, inner, name) for each, inner in value.items()}
        return {each: inner for each, inner in kept.items() if inner is not None} or None
    return keepable_secret(request, "The credential", value) if name == "credential" and value else value


def keepable_entry(request: CurlRequest, name: str, value: Any, where: str) -> Any:
    """A header or parameter: one that is called like a secret is encrypted, others only look like one."""
    if names_secret(name):
        return keepable_secret(request, name, value)
    texts = value if isinstance(value, list) else [value]
    place = where.removesuffix("s") if where == "headers" else where
    return leave_out(request, name, place) if any(looks_secret(name, text) for text in texts) else value


def keepable_secret(request: CurlRequest, name: str, value: Any) -> str | None:
    text = ("; " if name.lower() == "cookie" else ", ").join(value) if isinstance(value, list) else str(value)
    if FOUND_VARIABLE.fullmatch(text) or not (VARIABLE in text or "{{" in text or "{%" in text):
        return text
    request.note(f"{short(name)} is left out: text and a variable cannot be mixed in a secret.")
    return None


def method_of(request: CurlRequest, *, has_body: bool) -> str:
    method = request.method or ("POST" if has_body else "GET")
    if method in METHODS:
        return method
    request.note(f"The method {short(method)} cannot be sent; choose another one.")
    return "POST" if has_body else "GET"


def split_address(request: CurlRequest, made: dict[str, Any]) -> None:
    """The address without user and secrets; these, and the query that they stand in, where they are kept."""
    text = request.addresses[0]
    if "://" not in text[:10] and not text.startswith(VARIABLE):
        host = text.partition("/")[0].partition(":")[0]
        text = f"{'http' if host in ('localhost', '127.0.0.1') else 'https'}://{text}"
    try:
        parts = urlsplit(text)
        user, password = parts.username, parts.password
    except ValueError:
        raise CurlError(f"{short(text)} is no address.") from None
    if user is not None and request.user is None:
        request.user = f"{unquote(user)}:{unquote(password or '')}"
    query = "&".join([parts.query, *request.queries, *(encoded_data(request) if request.in_query else ())]).strip("&")
    pairs = parse_qsl(query, keep_blank_values=True)
    host = parts.netloc.rpartition("@")[2]
    has_secret = any(names_secret(name) or looks_secret(name, value) for name, value in pairs)
    if has_secret:
        made["query"] = group_by_name(pairs)
    address = urlunsplit((parts.scheme, host, parts.path, "" if has_secret else query, ""))
    if (why := secret_in_url(FOUND_VARIABLE.sub("x", address))) or path_has_secret(parts.path):
        request.note(f"The URL is left out. {why or 'A secret stands in its path, where it can be read.'}")
        return
    made["url"] = address


def take_credentials(request: CurlRequest, made: dict[str, Any]) -> None:
    """The first of what authenticates becomes Authentication; the others stay headers, which are encrypted."""
    if request.bearer:
        made["authentication"], made["credential"] = BEARER, request.bearer
    elif request.user is not None:
        take_user(request, made, request.user)
    kept: list[tuple[str, str]] = []
    for name, value in request.headers:
        scheme, _, content = value.partition(" ")
        is_first = made["authentication"] is None
        if is_first and name.lower() == "authorization" and scheme.lower() == "bearer" and content:
            made["authentication"], made["credential"] = BEARER, content.strip()
        elif (
            is_first
            and name.lower() == "authorization"
            and scheme.lower() == "basic"
            and (pair := parse_basic(content))
        ):
            take_user(request, made, pair)
        elif is_first and name.lower() not in ("authorization", "cookie") and is_key(name, value):
            made["authentication"], made["credential"], made["key_header"] = API_KEY, value, name
        else:
            kept.append((name, value))
    request.headers = kept


def is_key(name: str, value: str) -> bool:
    return bool(value) and (names_secret(name) or looks_secret(name, value))


def take_user(request: CurlRequest, made: dict[str, Any], pair: str) -> None:
    user, colon, password = pair.partition(":")
    made["authentication"], made["user_name"], made["credential"] = BASIC, user, password or None
    if not colon or not password:
        request.note("The password is not in the command. Type it, or take it from a variable.")


def parse_basic(content: str) -> str:
    """User and password of basic authentication; empty where it is none."""
    try:
        pair = base64.b64decode(content.strip(), validate=True).decode()
    except ValueError:
        return ""
    return pair if ":" in pair and pair.isprintable() else ""


def headers_of(request: CurlRequest) -> dict[str, Any]:
    kept: list[tuple[str, str]] = []
    for name, value in request.headers:
        if not name or not value or name.lower() in RESERVED:
            continue  # nothing to send, or what HTTP itself sets
        if not HEADER_NAME.fullmatch(name):
            request.note(f"The header {short(name)} is left out: that is no name of one.")
        else:
            kept.append((name, value))
    return group_by_name(kept)


def is_timeout(text: str) -> bool:
    try:
        return 0.1 <= float(text) <= 600
    except ValueError:
        return False


def shell_variables(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield from FOUND_VARIABLE.findall(value)
        case Mapping():
            for inner in value.values():
                yield from shell_variables(inner)
        case list():
            for inner in value:
                yield from shell_variables(inner)


def as_template(value: Any) -> Any:
    """As it stands in a property: braces that would begin a template are written as text, variables are read."""
    match value:
        case str():
            plain = re.sub(r"\{(?=[{%#])", "{{ '{' }}", value)
            return FOUND_VARIABLE.sub(lambda found: f"{{{{ {found[1]} }}}}", plain)
        case Mapping():
            return {name: as_template(inner) for name, inner in value.items()}
        case list():
            return [as_template(inner) for inner in value]
    return value
