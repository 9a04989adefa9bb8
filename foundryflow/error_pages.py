"""What a visitor sees when something goes wrong, whichever view or middleware it went wrong in.

Whoever went to a page gets one that says so; a page that asked by itself gets a message and stays as it is.

Django renders these in threads that nobody cleans up after: their connections are given back here.
"""

from __future__ import annotations

import sys

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import Resolver404

from foundryflow.audit.refusals import record_refused_page
from foundryflow.database.absence_log import note_away
from foundryflow.database.errors import is_away, is_damaged, sentence_for_visitors
from foundryflow.database.threads import giving_connection_back
from foundryflow.database.waiting import RETRY_AFTER
from foundryflow.http import is_from_script
from foundryflow.regions import Region, page, regions

LONGEST_SENTENCE = 300  # characters; what is longer was not written for a person


def server_error(request: HttpRequest) -> HttpResponseBase:
    """503 with a sentence when the database is away, else the page that sends the operator to the log."""
    error = sys.exc_info()[1]
    if error is None or not (is_away(error) or is_damaged(error)):
        return own_fault(request)
    note_away(error, request.path)
    response = database_away(request, sentence_for_visitors(error))
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log a traceback
    return response


@giving_connection_back
def own_fault(request: HttpRequest) -> HttpResponse:
    """Without a context of the request, which may be what is at fault."""
    sentence = "What you sent may not be stored: look before you send it again. The log of the server says why."
    if is_from_script(request):
        return message(f"The server could not go on. {sentence}", 500)
    context = {"title": "The server could not go on", "sentence": sentence}
    return HttpResponse(render_to_string("error.html", context), status=500)


def database_away(request: HttpRequest, sentence: str) -> HttpResponse:
    """Without a context of the request, which would ask the database who is there."""
    if is_from_script(request):
        response = message(sentence, 503)
    else:
        response = HttpResponse(render_to_string("503.html", {"sentence": sentence}), status=503)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    response.headers["Cache-Control"] = "no-store"
    return response


def error_page(request: HttpRequest, status: int, title: str, sentence: str, back: str = "") -> HttpResponse:
    """`back` is the path of a page to begin anew from, if there is one."""
    if is_from_script(request):
        return message(f"{title}. {sentence}", status)
    return page(request, "error.html", {"title": title, "sentence": sentence, "back": back}, status=status)


def message(sentence: str, status: int) -> HttpResponse:
    """The page stays as it is, with what was typed."""
    response = regions(None, Region("_messages.html", "messages", {"messages": [sentence]}), status=status)
    response.headers["HX-Reswap"] = "none"
    return response


def sentence_of(error: Exception, otherwise: str) -> str:
    said = str(error)
    return said if said and len(said) < LONGEST_SENTENCE else otherwise


@giving_connection_back
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if isinstance(exception, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        kept = " What you typed is still here." if is_from_script(request) else ""
        return error_page(request, 413, "Too large", f"What was sent is larger than {most} MB. Nothing was done.{kept}")
    return error_page(request, 400, "Not readable", "What was sent cannot be read, or is too large. Nothing was done.")


@giving_connection_back
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    otherwise = "Only editors may do this. An administrator can give you the role."
    sentence = sentence_of(exception, otherwise)
    record_refused_page(request, sentence)
    return error_page(request, 403, "Not for you", sentence)


@giving_connection_back
def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    # What no address leads to has no sentence of its own; Django would show the name of its class.
    told = Http404("") if isinstance(exception, Resolver404) else exception
    otherwise = "What you look for does not exist, or not any more."
    return error_page(request, 404, "Not here", sentence_of(told, otherwise))
