"""The request as our views know it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request of somebody who is signed in; `htmx` is true when htmx sent it."""

    htmx: HtmxDetails
    user: User  # type: ignore[assignment]


def posted(request: HttpRequest) -> QueryDict:
    """What a form sent, without null characters: nobody sees or means them, and no database keeps them."""
    if not any("\x00" in value for _, values in request.POST.lists() for value in values):
        return request.POST
    clean = request.POST.copy()
    for name, values in request.POST.lists():
        clean.setlist(name, [value.replace("\x00", "") for value in values])
    return clean
