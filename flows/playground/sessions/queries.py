"""Reading sessions: the list with its search, and the tree of one as copies take it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping

from django.contrib.auth.models import User
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Greatest, Lower, StrIndex, Substr

from flows.models import LIVE, Run, State
from flows.playground.chat.results import collect_results
from flows.playground.models import Answer, Session, Turn

LONGEST_SEARCH = 200  # characters
BEFORE, EXCERPT = 40, 160  # characters around what was found
FILTERS = {"own": "my own", "shared": "shared"}  # values of the filter, and their words

AnswersByTurn = dict[Turn, list[Answer]]


def search_sessions(user: User, query: Mapping[str, str]) -> QuerySet[Session]:
    """Sessions that the person sees and the URL asks for; what is not understood is ignored."""
    sessions = Session.objects.visible_to(user).select_related("owner", "origin")
    sessions = sessions.defer("setup", "columns", "variables", "draft")
    if query.get("show") == "own":
        sessions = sessions.filter(owner=user)
    elif query.get("show") == "shared":
        sessions = sessions.filter(shared=True)
    if words := search_words(query):
        asked, answered = questions(words), Answer.objects.filter(turn__session=OuterRef("pk"), text__icontains=words)
        sessions = sessions.filter(Q(name__icontains=words) | Exists(asked) | Exists(answered)).annotate(
            in_question=Subquery(asked.values(part=excerpt("prompt", words))[:1]),
            in_answer=Subquery(answered.order_by("pk").values(part=excerpt("text", words))[:1]),
        )
    return sessions


def search_words(query: Mapping[str, str]) -> str:
    return query.get("q", "").strip()[:LONGEST_SEARCH]


def questions(words: str) -> QuerySet[Turn]:
    """Turns of a session that ask something with these words, in one column or all."""
    matching = Q(prompt__icontains=words)
    if len(words) > 1:  # a single digit would find the numbers of columns
        spelt = json.dumps(words)[1:-1]  # SQLite keeps the text that Python wrote, PostgreSQL its own
        matching |= Q(own__icontains=words) | Q(own__icontains=spelt)
    asked = Turn.objects.filter(session=OuterRef("pk")).annotate(own=Cast("prompts", TextField()))
    return asked.filter(matching).order_by("pk")


def excerpt(field: str, words: str) -> Combinable:
    """The text around the words."""
    begin = StrIndex(Lower(F(field)), Lower(Value(words))) - BEFORE
    return Substr(F(field), Greatest(begin, Value(1)), EXCERPT)


def turns_by_session(sessions: list[Session]) -> dict[int, int]:
    counted = Turn.objects.filter(session__in=sessions).values("session").annotate(turns=Count("pk")).order_by()
    return {row["session"]: row["turns"] for row in counted}


def live_runs(session: Session) -> QuerySet[Run]:
    return Run.objects.filter(flow=session.flow_id, state__in=LIVE)


def answers_by_turn(session: Session) -> AnswersByTurn:
    """All turns from the oldest, with their answers.

    Results of calls that have ended are collected first. A live call counts as stopped, since a copy has no run.
    """
    collect_results(Answer.objects.filter(turn__session=session, state__in=LIVE))
    answers: dict[int, list[Answer]] = defaultdict(list)
    for answer in Answer.objects.filter(turn__session=session):
        if answer.state in LIVE:
            answer.state = State.CANCELLED
        answers[answer.turn_id].append(answer)
    return {turn: answers[turn.pk] for turn in session.turns.order_by("pk")}
