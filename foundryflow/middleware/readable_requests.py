"""Turns away what no view can read, before any view sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from foundryflow.http import UnreadableRequest, check_address, check_encoding, readable_cookies
from foundryflow.regions import page


@sync_and_async_middleware
def turn_away_unreadable(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: 404 or 422 with a sentence for an address or an encoding that cannot be read."""
    if iscoroutinefunction(get_response):

        async def answer_later(request: HttpRequest) -> HttpResponseBase:
            response: HttpResponseBase = refusal_of(request) or await get_response(request)
            return response

        return answer_later

    def answer(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = refusal_of(request) or get_response(request)
        return response

    return answer


def refusal_of(request: HttpRequest) -> HttpResponse | None:
    try:
        check_address(request.path_info, query_of(request))
        check_encoding(request.content_params)
    except UnreadableRequest as problem:
        return page(request, "unreadable.html", {"sentence": problem.sentence}, status=problem.status)
    request.COOKIES = readable_cookies(request.COOKIES)
    return None


def query_of(request: HttpRequest) -> bytes:
    """The query string as it came."""
    scope = getattr(request, "scope", None)
    if scope and isinstance(scope["query_string"], bytes):
        return scope["query_string"]
    return str(request.META.get("QUERY_STRING", "")).encode("latin-1", "replace")
