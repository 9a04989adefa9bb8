"""The request as our views know it, and the one place that reads what came with it."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes, urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict
from django.urls import register_converter
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

HIGHEST_ID = 2**63 - 1  # that a database numbers its rows with
UTF_8 = {"", "utf-8", "utf8"}  # and none said


class Request(HttpRequest):
    """A request of somebody who is signed in; `htmx` is true when htmx sent it."""

    htmx: HtmxDetails
    user: User


class UnreadableRequest(Exception):
    """A request that no view can read, with the status and the sentence to answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class IdConverter:
    """`<id:pk>` in an address: the number of a row. One that no database can have leads nowhere."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if number > HIGHEST_ID:
            raise ValueError(value)
        return number

    def to_url(self, value: object) -> str:
        return str(value)


def register_id_converter() -> None:
    register_converter(IdConverter, "id")


def check_address(path: str, query: bytes) -> None:
    """Raises UnreadableRequest where a path or a query string holds what is no text, or what no database keeps."""
    if "\0" in path:
        raise UnreadableRequest(404, "There is nothing at this address: it holds a NUL character.")
    sent = unquote_to_bytes(query)
    if b"\0" in sent:
        raise UnreadableRequest(422, "There is a NUL character in the query of the address.")
    try:
        sent.decode()
    except UnicodeDecodeError:
        raise UnreadableRequest(422, "The query of the address is not text in UTF-8.") from None
    most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
    if query.count(b"&") >= most:
        raise UnreadableRequest(422, f"The query of the address has more than {most:,} parameters.")


def check_encoding(content_params: dict[str, str] | None) -> None:
    """Raises UnreadableRequest for a form that is not said to be in UTF-8."""
    charset = (content_params or {}).get("charset", "")
    if charset.strip("\"' ").lower() not in UTF_8:
        raise UnreadableRequest(422, "What is sent is text in UTF-8.")


def readable_cookies(cookies: dict[str, str]) -> dict[str, str]:
    """Without those that nobody has set: a quoted cookie can spell a NUL character."""
    return {name: value for name, value in cookies.items() if "\0" not in value}


def is_from_script(request: HttpRequest) -> bool:
    """Whether a page sent it by itself (htmx, fetch, a stream), and not the browser on its way to another page."""
    return "HX-Request" in request.headers or request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"


def page_before(request: HttpRequest) -> str:
    """The path of the page that a form or link was on, as the browser says it; empty where that is none of ours."""
    referer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}, request.is_secure()):
        return ""
    parts = urlsplit(referer)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def base_address(request: HttpRequest) -> str:
    """How programs call this server, without a slash at the end."""
    return request.build_absolute_uri("/").rstrip("/") + settings.PREFIX


def form_data(request: HttpRequest) -> QueryDict:
    """What a form sent: lines end alike, without null characters, which nobody means and no database keeps."""
    sent = request.POST.copy()
    for name, values in request.POST.lists():
        sent.setlist(name, [value.replace("\r\n", "\n").replace("\x00", "") for value in values])
    return sent


def whole_number(text: str | None, digits: int = 14) -> int | None:
    """What a form or an address says; None when that is no whole number, or one with more digits."""
    return int(text) if text and text.isdecimal() and len(text) <= digits else None
