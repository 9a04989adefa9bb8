"""How the playground answers: with the page, or with the regions that an edit renews."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect

from flows.playground.chat.page import session_page
from flows.playground.chat.regions import composer_region, feed_region, message_regions, saved_region, talk_region
from flows.playground.chat.talk import live_answers
from flows.playground.models import Session
from foundryflow.http import Request
from foundryflow.regions import Region, page, regions


def page_response(request: Request, session: Session, *, status: int = 200, **more: Any) -> HttpResponse:
    """The page as it stands in the database."""
    shown = session_page(session, request.user, **more)
    template = "playground/compare.html" if session.comparing else "playground/playground.html"
    return page(request, template, {"page": shown, "session": session, "can_edit": shown.can_edit}, status=status)


def redirect_to_session(session: Session) -> HttpResponse:
    return redirect("playground:show", session.pk)


def talk_response(request: Request, session: Session, *more: Region, event: str = "") -> HttpResponse:
    """The talk again, with what goes with it. Without htmx: the page."""
    if not request.htmx:
        return redirect_to_session(session)
    shown = session_page(session, request.user)
    live = bool(live_answers(session))
    response = regions(
        request,
        talk_region(shown),
        feed_region(session, shown.talk.live_ids),
        composer_region(session, live=live, can_edit=True),
        *more,
    )
    if event:
        response.headers["HX-Trigger"] = json.dumps({event: {}})
    return response


def problems_response(
    request: Request, session: Session, problems: Mapping[str, str], names: Iterable[str] = ()
) -> HttpResponse:
    """Says next to each field what is wrong; nothing else changes."""
    if not request.htmx:
        return page_response(request, session, status=422, problems=problems)
    at_fields = message_regions(names, problems)
    return regions(request, *at_fields, saved_region("Not sent: see the marked fields", bad=True), status=422)
