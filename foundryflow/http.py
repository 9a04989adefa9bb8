"""The request as our views know it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request of somebody who is signed in; `htmx` is true when htmx sent it."""

    htmx: HtmxDetails
    user: User  # type: ignore[assignment]
