"""How the playground answers: with the page, or with the regions that an edit renews."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect

from flows.playground.chat.forms import VARIABLE
from flows.playground.chat.page import page_without_talk, session_page
from flows.playground.chat.regions import (
    composer_region,
    feed_region,
    message_regions,
    saved_region,
    talk_region,
    variables_region,
)
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
    request: Request,
    session: Session,
    problems: Mapping[str, str],
    names: Iterable[str] = (),
    edited: Sequence[str] = (),
) -> HttpResponse:
    """Says next to each field what is wrong; nothing else changes. `edited` are questions whose fields are open."""
    if not request.htmx:
        return page_response(request, session, status=422, problems=problems, edited=edited)
    empty = [name.removeprefix(VARIABLE) for name in problems if name.startswith(VARIABLE)]
    others = {name: problem for name, problem in problems.items() if not name.startswith(VARIABLE)}
    parts = [*message_regions(names, others), saved_region(f"Not sent: {reason(empty, others)}", bad=True)]
    if empty:  # some of their fields may not stand on the page yet
        parts.append(variables_region(page_without_talk(session, request.user, problems=problems, edited=edited)))
    response = regions(request, *parts, status=422)
    if empty:
        response.headers["HX-Trigger"] = "variables-empty"
    return response


def reason(empty: Sequence[str], others: Mapping[str, str]) -> str:
    if others or not empty:
        return "see the marked fields"
    return f"{', '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty"
