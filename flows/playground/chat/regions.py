"""The regions of the page of a session, one builder each, for page, edits and stream alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils import timezone

from flows.playground.chat.figures import column_figures, spread_of
from flows.playground.chat.page import SessionPage, page_without_talk
from flows.playground.chat.talk import (
    AnswerView,
    CallProgress,
    TurnView,
    answer_view,
    call_progress,
    live_answers,
    talk_of,
    tries_of,
)
from flows.playground.chat.told_tokens import told_tokens
from flows.playground.models import Answer, Session, Turn
from flows.pricing.table import known_prices
from foundryflow.regions import Region, partial

MESSAGES = "message-"  # begins the id of the place where a field's complaint now


def saved_region(label: str = "", *, bad: bool = False) -> Region:
    label = label or f"Saved {timezone.localtime():%H:%M}"
    return Region("playground/_saved.html", "saved", {"label": label, "bad": bad})


def message_regions(names: Iterable[str], problems: Mapping[str, str]) -> list[Region]:
    """The complaint about each field, or that there is none."""
    return [
        Region("playground/_message.html", f"{MESSAGES}{name}", {"name": name, "problem": problems.get(name, "")})
        for name in dict.fromkeys([*names, *problems])
    ]


def feed_region(session: Session, live: Sequence[int]) -> Region:
    """The place that follows what the page shows as live."""
    return Region("playground/_feed.html", "feed", {"session": session, "live": live}, "outerHTML")


def composer_region(session: Session, *, live: bool, can_edit: bool) -> Region:
    stopping = live and any(each.stopping for each in call_progress(live_answers(session)).values())
    context = {"session": session, "live": live, "stopping": stopping, "can_edit": can_edit}
    return Region("playground/_send.html", "composer-actions", context)


def answer_region(view: AnswerView, session: Session, *, can_edit: bool) -> Region:
    context = {"view": view, "session": session, "can_edit": can_edit, "compact": session.comparing}
    return Region("playground/_answer.html", f"answer-{view.answer.pk}", context)


def parameters_region(session: Session) -> Region:
    return Region("playground/_parameters.html", "parameters", page_context(page_without_talk(session, session.owner)))


def refusal_regions(shown: SessionPage) -> Iterator[Region]:
    """What deployments refuse, beside each control; never the control, in which somebody may be typing."""
    for each in shown.all_fields:
        yield Region("playground/_refusals.html", f"refusals-{each.id}", {"field": each})


def render_refusals(session: Session) -> str:
    """Those that there are, with the settings as they are now."""
    now = Session.objects.select_related("owner").filter(pk=session.pk).first()
    if now is None:  # deleted meanwhile
        return ""
    shown = page_without_talk(now, now.owner)
    refused = {name for sentences in shown.refusals_by_column for name in sentences}
    return "".join(partial(each) for each in refusal_regions(shown) if each.context["field"].parameter in refused)


def variables_region(shown: SessionPage) -> Region:
    return Region("playground/_variables.html", "variables", page_context(shown))


def talk_region(shown: SessionPage) -> Region:
    """All of the branch that is shown."""
    template = "playground/_comparison.html" if shown.session.comparing else "playground/_talk.html"
    return Region(template, "talk", page_context(shown))


def history_region(shown: SessionPage) -> Region:
    """How much of the conversation the next question would send."""
    return Region("playground/_history_label.html", "history-said", page_context(shown))


def figures_region(session: Session) -> Region:
    """The newest answers of all columns in numbers."""
    rows = column_figures(session, known_prices())
    return Region("playground/_figures.html", "figures", {"session": session, "figures": rows})


def spread_region(session: Session, turn: Turn, *, can_edit: bool) -> Region:
    """How all answers to one question spread."""
    rows = spread_of(turn, len(session.active_columns), known_prices())
    tries = max(len(row.answers) for row in rows)
    context = {"rows": rows, "pk": turn.pk, "can_edit": can_edit, "opened": True, "tries": tries}
    return Region("playground/_spread.html", f"spread-{turn.pk}", context)


def told_tokens_region(answer: Answer) -> Region:
    """How likely the tokens of an answer were."""
    context = {"answer": answer, "tokens": told_tokens(answer), "opened": True}
    return Region("playground/_told_tokens.html", f"told-{answer.pk}", context)


def current_answers(live: Iterable[int]) -> Iterator[tuple[AnswerView, CallProgress | None]]:
    """Answers as the database has them now, with their results once they have ended."""
    answers = list(Answer.objects.filter(pk__in=list(live)).select_related("turn"))
    progress, prices = call_progress(answers), known_prices()
    for answer in answers:
        now = progress.get(answer.pk)
        yield answer_view(answer, prices, tries_of(answer), now), now


def render_end(session: Session, *, can_edit: bool) -> str:
    """What changes once nothing is live any more, rendered."""
    session.refresh_from_db()
    live = live_answers(session)
    parts = [
        composer_region(session, live=bool(live), can_edit=can_edit),
        history_region(SessionPage(session, session.owner)),
        feed_region(session, []),
    ]
    return "".join(map(partial, parts))


def view_of_answer(answer: Answer) -> AnswerView:
    return answer_view(answer, known_prices(), tries_of(answer), call_progress([answer]).get(answer.pk))


def view_of_turn(session: Session, turn: Turn) -> TurnView:
    return talk_of(session, known_prices(), only=turn.pk).turns[0]


def page_context(shown: SessionPage) -> dict[str, Any]:
    return {"page": shown, "session": shown.session, "can_edit": shown.can_edit}
