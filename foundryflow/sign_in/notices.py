"""A sentence on the log-in page about why somebody is there again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

NOTICE = "sign-in"  # tag of the messages that the log-in page shows


def back_to_login(request: HttpRequest, sentence: str, next: str = "") -> HttpResponse:
    messages.error(request, sentence, extra_tags=NOTICE)
    query = QueryDict(mutable=True)
    if next:
        query["next"] = next
    if request.user.is_authenticated:  # or the page would lead on
        query["again"] = ""
    return redirect(f"{reverse('login')}?{query.urlencode(safe='/')}" if query else reverse("login"))
