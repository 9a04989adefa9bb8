"""The body of a curl command: JSON, a form or a text, its secrets left out, since nothing in a body is encrypted."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from flows.actions.http_request.curl_request import CurlRequest, group_by_name, leave_out, looks_secret, short
from flows.actions.http_request.request import FORM, TEXT
from flows.actions.http_request.shell_words import FOUND_VARIABLE

FORM_TYPE = "application/x-www-form-urlencoded"


def content_type(request: CurlRequest) -> str:
    return next((value for name, value in request.headers if name.lower() == "content-type"), "").lower()


def body_of(request: CurlRequest) -> tuple[Any, str | None]:
    """The body and its format; a header that says no more than the format does is dropped."""
    if request.in_query or not request.data:
        return None, None
    is_json = any(option == "json" for option, _ in request.data)
    if is_json and not any(name.lower() == "accept" for name, _ in request.headers):
        request.headers.append(("Accept", "application/json"))
    pieces = encoded_data(request)
    text = "".join(pieces) if is_json else "&".join(pieces)
    type = content_type(request) or ("application/json" if is_json else FORM_TYPE)
    if "json" in type or (type.startswith(FORM_TYPE) and looks_like_json(text)):
        return json_body(request, text, type)
    if type.startswith(FORM_TYPE) and (pairs := parse_qsl(text, keep_blank_values=True)):
        drop_content_type(request)
        return group_by_name(pairs), FORM
    return text, TEXT


def json_body(request: CurlRequest, text: str, type: str) -> tuple[Any, str | None]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict | list):
        if not content_type(request):
            request.headers.append(("Content-Type", "application/json"))
        return text, TEXT
    if type.partition(";")[0].strip() in ("application/json", FORM_TYPE):
        drop_content_type(request)
    return value, None


def looks_like_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def drop_content_type(request: CurlRequest) -> None:
    request.headers = [(name, value) for name, value in request.headers if name.lower() != "content-type"]


def encoded_data(request: CurlRequest) -> list[str]:
    """What the options of data send, piece by piece; the contents of files are left out."""
    pieces: list[str] = []
    for option, value in request.data:
        if option == "data-urlencode":
            file, piece = urlencoded(value)
        else:
            file, piece = (value[1:], "") if value.startswith("@") and option != "data-raw" else ("", value)
        if file:
            request.note(f"The file {short(file)} is left out: there are no files. Paste its text into Body.")
        else:
            pieces.append(piece)
    return pieces


def urlencoded(value: str) -> tuple[str, str]:
    """The file that it names, or what it sends: content, =content or name=content, of which the content is encoded."""
    at = next((at for at, sign in enumerate(value) if sign in "=@"), -1)
    name, sign, content = ("", "", value) if at < 0 else (value[:at], value[at], value[at + 1 :])
    if sign == "@":
        return content, ""
    return "", f"{name}={quote_around(content)}" if name else quote_around(content)


def quote_around(text: str) -> str:
    """Percent-encoded, but for variables of the shell."""
    end, made = 0, list[str]()
    for found in FOUND_VARIABLE.finditer(text):
        made += (quote_plus(text[end : found.start()]), found[0])
        end = found.end()
    return "".join(made) + quote_plus(text[end:])


def without_secret_values(request: CurlRequest, value: Any, name: str = "") -> Any:
    """The body with a variable in place of what is called like a secret."""
    match value:
        case dict():
            return {key: without_secret_values(request, inner, key) for key, inner in value.items()}
        case list():
            return [without_secret_values(request, inner, name) for inner in value]
        case str() if name and looks_secret(name, value):
            return leave_out(request, name, "body")
    return value
