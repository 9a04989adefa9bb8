"""One press at a question or an answer: edit, try again, choose, branch, delete."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from flows.playground.access import find_session
from flows.playground.chat import asking
from flows.playground.chat.answers import answer_region, one_answer, one_turn, parameters, refused, renewed
from flows.playground.chat.answers import spread as spread_region
from flows.playground.chat.calling import NotAskable
from flows.playground.chat.forms import EXAMPLES_SHOWN, LONGEST
from flows.playground.chat.saving import changing, take_over
from flows.playground.models import Answer, Session, Turn
from foundryflow.access import editor, reader
from foundryflow.http import Request, form_data, whole_number
from foundryflow.people import may_change
from foundryflow.regions import Region, regions

ASKING = ("ask", "again", "raise", "spread")
RUNS_AT_ONCE = 5  # more answers of each column, to see how they spread


def turn_to_change(request: Request, pk: int) -> tuple[Session, Turn]:
    turn = get_object_or_404(Turn, pk=pk)
    session = find_session(request, turn.session_id, change=True)
    turn.session = session
    return session, turn


def answer_to_change(request: Request, pk: int) -> tuple[Session, Answer]:
    answer = get_object_or_404(Answer.objects.select_related("turn"), pk=pk)
    session = find_session(request, answer.turn.session_id, change=True)
    answer.turn.session = session
    return session, answer


def use_the_page(request: Request, session: Session, verb: str) -> None:
    """Whoever asks, asks with the settings that stand on the page. Raises NotAskable."""
    if verb in ASKING and EXAMPLES_SHOWN in request.POST:
        _, problems = take_over(session, form_data(request))
        if problems:
            raise NotAskable(problems)


def typed(request: Request) -> str:
    return form_data(request).get("text", "")[:LONGEST]


@editor
@require_GET
def turn_form(request: Request, pk: int) -> HttpResponse:
    """The question as a field; with ?plain as it was."""
    session, turn = turn_to_change(request, pk)
    editing = "plain" not in request.GET
    context = {"turn": one_turn(session, turn), "session": session, "can_edit": True, "editing": editing}
    return regions(request, Region("playground/_question.html", f"question-{pk}", context))


@editor
@require_POST
def turn(request: Request, pk: int, verb: str) -> HttpResponse:
    session, turn = turn_to_change(request, pk)
    verbs: dict[str, Callable[[], object]] = {
        "ask": lambda: asking.edit_prompt(turn, typed(request), request.user),
        "reword": lambda: asking.reword(turn, typed(request)),
        "delete": lambda: asking.delete(turn),
        "branch": lambda: asking.branch_at(turn),
        "switch": lambda: asking.switch_to(turn),
        "spread": lambda: spread(turn, request),
    }
    if verb not in verbs:
        raise Http404(f"There is no verb {verb!r}.")
    try:
        use_the_page(request, session, verb)
        verbs[verb]()
    except NotAskable as error:
        problems = {f"text-{pk}" if name == "prompt" else name: said for name, said in error.problems.items()}
        return refused(request, find_session(request, session.pk), problems)
    return renewed(request, find_session(request, session.pk))


def spread(turn: Turn, request: Request) -> None:
    """Five more answers of each column at once."""
    for answer in turn.answers.filter(chosen=True, column__lt=len(turn.session.active_columns)):
        answer.turn = turn
        asking.again(answer, request.user, times=RUNS_AT_ONCE)


@reader
@require_GET
def tries(request: Request, pk: int) -> HttpResponse:
    """How all answers to a question spread."""
    turn = get_object_or_404(Turn, pk=pk)
    session = find_session(request, turn.session_id)
    return regions(request, spread_region(session, turn, can_edit=may_change(request.user, session)))


@editor
@require_GET
def answer_form(request: Request, pk: int) -> HttpResponse:
    """The answer as a field; with ?plain as it was."""
    session, answer = answer_to_change(request, pk)
    view = one_answer(answer)
    editing = "plain" not in request.GET and view.going is None
    region = answer_region(view, session, can_edit=True)
    return regions(request, Region(region.template, region.id, {**region.context, "editing": editing}))


@editor
@require_POST
def answer(request: Request, pk: int, verb: str) -> HttpResponse:
    session, answer = answer_to_change(request, pk)
    verbs: dict[str, Callable[[], object]] = {
        "again": lambda: asking.again(answer, request.user),
        "raise": lambda: raised(session, answer, request),
        "choose": lambda: asking.choose(answer),
        "edit": lambda: asking.edit_answer(answer, typed(request)),
        "delete": lambda: asking.delete_answer(answer),
        "winner": lambda: asking.mark_winner(answer),
    }
    if verb not in verbs:
        raise Http404(f"There is no verb {verb!r}.")
    try:
        use_the_page(request, session, verb)
        verbs[verb]()
    except NotAskable as error:
        return refused(request, find_session(request, session.pk), error.problems)
    session = find_session(request, session.pk)
    return renewed(request, session, *([parameters(session)] if verb == "raise" else []))


def raised(session: Session, answer: Answer, request: Request) -> None:
    """Another try with more tokens, which the settings keep."""
    tokens = whole_number(request.POST.get("tokens"))
    if tokens is None or not 0 < tokens <= 1_000_000:
        raise Http404("tokens= is a number of tokens.")
    with changing(session):
        asking.raise_limit(session, answer.column, tokens)
    asking.again(answer, request.user)
