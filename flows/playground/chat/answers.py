"""How the playground answers: the regions that an edit renews."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from flows.playground.chat.contexts import (
    AnswerView,
    Going,
    TurnView,
    going_of,
    live_answers,
    talk_of,
    tries_of,
    view_of,
)
from flows.playground.chat.page import Page, around, page_of
from flows.playground.chat.spread import figures_of, spread_of
from flows.playground.models import Answer, Session, Turn
from flows.pricing.table import known_prices
from foundryflow.http import Request
from foundryflow.regions import Region, page, partial, regions

MESSAGES = "message-"  # begins the id of the place where a field's complaint stands


def whole(request: Request, session: Session, *, status: int = 200, **more: Any) -> HttpResponse:
    """The page as it stands in the database."""
    shown = page_of(session, request.user, **more)
    template = "playground/compare.html" if session.comparing else "playground/playground.html"
    return page(request, template, {"page": shown, "session": session, "can_edit": shown.can_edit}, status=status)


def back(session: Session) -> HttpResponse:
    return redirect("playground:show", session.pk)


def saved(said: str = "", *, bad: bool = False) -> Region:
    said = said or f"Saved {timezone.localtime():%H:%M}"
    return Region("playground/_saved.html", "saved", {"said": said, "bad": bad})


def messages_of(names: Iterable[str], problems: Mapping[str, str]) -> list[Region]:
    """The complaint about each field, or that there is none."""
    return [
        Region("playground/_message.html", f"{MESSAGES}{name}", {"name": name, "problem": problems.get(name, "")})
        for name in dict.fromkeys([*names, *problems])
    ]


def feed(session: Session, going: Sequence[int]) -> Region:
    """The place that follows what the page shows as going."""
    return Region("playground/_feed.html", "feed", {"session": session, "live": going}, "outerHTML")


def composer_actions(session: Session, *, live: bool, can_edit: bool) -> Region:
    stopping = live and any(each.stopping for each in going_of(live_answers(session)).values())
    context = {"session": session, "live": live, "stopping": stopping, "can_edit": can_edit}
    return Region("playground/_send.html", "composer-actions", context)


def answer_region(view: AnswerView, session: Session, *, can_edit: bool) -> Region:
    context = {"view": view, "session": session, "can_edit": can_edit, "compact": session.comparing}
    return Region("playground/_answer.html", f"answer-{view.answer.pk}", context)


def parameters(session: Session) -> Region:
    return Region("playground/_parameters.html", "parameters", page_context(around(session, session.owner)))


def talk(shown: Page) -> Region:
    """All of the branch that is shown."""
    template = "playground/_comparison.html" if shown.session.comparing else "playground/_talk.html"
    return Region(template, "talk", page_context(shown))


def figures(session: Session) -> Region:
    """The newest answers of all columns in numbers."""
    rows = figures_of(session, known_prices())
    return Region("playground/_figures.html", "figures", {"session": session, "figures": rows})


def spread(session: Session, turn: Turn, *, can_edit: bool) -> Region:
    """How all answers to one question spread."""
    rows = spread_of(turn, len(session.active_columns), known_prices())
    context = {
        "rows": rows,
        "pk": turn.pk,
        "can_edit": can_edit,
        "opened": True,
        "tries": max(len(r.answers) for r in rows),
    }
    return Region("playground/_spread.html", f"spread-{turn.pk}", context)


def renewed(request: Request, session: Session, *more: Region, event: str = "") -> HttpResponse:
    """The talk again, with what goes with it. Without htmx: the page."""
    if not request.htmx:
        return back(session)
    shown = page_of(session, request.user)
    live = bool(live_answers(session))
    response = regions(
        request,
        talk(shown),
        feed(session, shown.talk.going),
        composer_actions(session, live=live, can_edit=True),
        *more,
    )
    if event:
        response.headers["HX-Trigger"] = json.dumps({event: {}})
    return response


def refused(request: Request, session: Session, problems: Mapping[str, str], names: Iterable[str] = ()) -> HttpResponse:
    """Says next to each field what is wrong; nothing else changes."""
    if not request.htmx:
        return whole(request, session, status=422, problems=problems)
    at_fields = messages_of(names, problems)
    return regions(request, *at_fields, saved("Not sent: see the marked fields", bad=True), status=422)


def view_as_it_is(live: Iterable[int]) -> Iterator[tuple[AnswerView, Going | None]]:
    """Answers as the database has them now, settled when they have ended."""
    answers = list(Answer.objects.filter(pk__in=list(live)).select_related("turn"))
    going, prices = going_of(answers), known_prices()
    for answer in answers:
        stands = going.get(answer.pk)
        yield view_of(answer, prices, tries_of(answer), stands), stands


def at_the_end(session: Session, *, can_edit: bool) -> str:
    """What changes once nothing is going any more, rendered."""
    session.refresh_from_db()
    live = live_answers(session)
    context = page_context(Page(session, session.owner))
    parts = [
        composer_actions(session, live=bool(live), can_edit=can_edit),
        Region("playground/_history_said.html", "history-said", context),
        feed(session, []),
    ]
    return "".join(map(partial, parts))


def one_answer(answer: Answer) -> AnswerView:
    return view_of(answer, known_prices(), tries_of(answer), going_of([answer]).get(answer.pk))


def one_turn(session: Session, turn: Turn) -> TurnView:
    return talk_of(session, known_prices(), only=turn.pk).turns[0]


def page_context(shown: Page) -> dict[str, Any]:
    return {"page": shown, "session": shown.session, "can_edit": shown.can_edit}
