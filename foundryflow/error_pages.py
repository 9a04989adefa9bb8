"""What a visitor sees when something goes wrong, whichever view or middleware it went wrong in.

Django renders these in threads that nobody cleans up after: their connections are given back here.
"""

from __future__ import annotations

import sys

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import Resolver404
from django.views import defaults

from foundryflow.database import (
    RETRY_AFTER,
    giving_connection_back,
    is_away,
    is_damaged,
    note_away,
    sentence_for_visitors,
)
from foundryflow.regions import Region, regions


def server_error(request: HttpRequest) -> HttpResponseBase:
    """503 with a sentence when the database is away, else the page that sends the operator to the log."""
    error = sys.exc_info()[1]
    if error is None or not (is_away(error) or is_damaged(error)):
        return giving_connection_back(defaults.server_error)(request)
    note_away(error, request.path)
    response = database_away(request, sentence_for_visitors(error))
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log a traceback
    return response


def database_away(request: HttpRequest, sentence: str) -> HttpResponse:
    """Without a context of the request, which would ask the database who is there."""
    if request.headers.get("HX-Request"):
        # The page stays as it is, with what was typed.
        response = regions(None, Region("_messages.html", "messages", {"messages": [sentence]}), status=503)
        response.headers["HX-Reswap"] = "none"
    else:
        response = HttpResponse(render_to_string("503.html", {"sentence": sentence}), status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    response.headers["Cache-Control"] = "no-store"
    return response


@giving_connection_back
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return defaults.bad_request(request, exception)


@giving_connection_back
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return defaults.permission_denied(request, exception)


@giving_connection_back
def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    # What no address leads to has no sentence of its own; Django would show the name of its class.
    told = Http404("") if isinstance(exception, Resolver404) else exception
    return defaults.page_not_found(request, told)
