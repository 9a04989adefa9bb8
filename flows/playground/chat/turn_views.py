"""The buttons of a question or an answer: edit, try again, choose, branch, delete."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from django.db import transaction
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from flows.playground.access import find_answer, find_session, find_turn
from flows.playground.audit import record_calls, record_change
from flows.playground.chat import edits
from flows.playground.chat.ask import ask_again, ask_instead, empty_variables
from flows.playground.chat.branch import prompt_of
from flows.playground.chat.calls import NotAskable
from flows.playground.chat.forms import EXAMPLES_SHOWN, LEAVE_EMPTY, LONGEST
from flows.playground.chat.regions import (
    answer_region,
    parameters_region,
    spread_region,
    told_tokens_region,
    view_of_answer,
    view_of_turn,
)
from flows.playground.chat.responses import problems_response, talk_response
from flows.playground.chat.save_settings import change_settings, save_settings
from flows.playground.models import Answer, Session, Turn
from foundryflow.access import editor, reader
from foundryflow.http import Request, form_data, whole_number
from foundryflow.names import may_change
from foundryflow.regions import Region, regions

ASKING = ("ask", "again", "raise", "spread")
RUNS_AT_ONCE = 5  # more answers of each column, to see how they spread


def save_page(request: Request, turn: Turn, verb: str, prompts: Mapping[int, str], known: Collection[str]) -> None:
    """Whoever asks, asks with the settings that stand on the page. Raises NotAskable.

    `prompts` are those that would be asked, by column; of their variables some are `known`.
    """
    if verb in ASKING and EXAMPLES_SHOWN in request.POST:
        _, problems = save_settings(turn.session, form_data(request))
        problems |= empty_variables(turn.session, prompts, {*known, *request.POST.getlist(LEAVE_EMPTY)})
        if problems:
            raise NotAskable(problems)


def prompts_of(turn: Turn, prompt: str) -> dict[int, str]:
    """What each active column asks when this is the question."""
    return {column: turn.prompts.get(str(column)) or prompt for column in turn.session.column_numbers}


def posted_text(request: Request) -> str:
    return form_data(request).get("text", "")[:LONGEST]


@editor
@require_GET
def turn_form(request: Request, pk: int) -> HttpResponse:
    """The question as a field; with ?plain as it was."""
    turn = find_turn(request, pk, change=True)
    session = turn.session
    editing = "plain" not in request.GET
    context = {"turn": view_of_turn(session, turn), "session": session, "can_edit": True, "editing": editing}
    return regions(request, Region("playground/_question.html", f"question-{pk}", context))


@editor
@require_POST
def turn(request: Request, pk: int, verb: str) -> HttpResponse:
    turn = find_turn(request, pk, change=True)
    session = turn.session
    verbs: dict[str, Callable[[], object]] = {
        "ask": lambda: ask_instead(turn, posted_text(request), request.user),
        "reword": lambda: edits.reword_question(turn, posted_text(request)),
        "delete": lambda: edits.delete_turn(turn),
        "branch": lambda: edits.continue_from(turn),
        "switch": lambda: edits.show_branch_of(turn),
        "spread": lambda: ask_several_times(turn, request),
    }
    if verb not in verbs:
        raise Http404(f"There is no verb {verb!r}.")
    prompt, known = (posted_text(request), ()) if verb == "ask" else (turn.prompt, turn.variables)
    try:
        save_page(request, turn, verb, prompts_of(turn, prompt), known)
        with transaction.atomic():
            columns = session.column_numbers
            verbs[verb]()
            if verb in ASKING:
                record_calls(request, session, columns, times=RUNS_AT_ONCE if verb == "spread" else 1)
            else:
                record_change(request, session)
    except NotAskable as error:
        problems = {f"text-{pk}" if name == "prompt" else name: problem for name, problem in error.problems.items()}
        return problems_response(request, find_session(request, session.pk), problems, edited=[posted_text(request)])
    return talk_response(request, find_session(request, session.pk))


def ask_several_times(turn: Turn, request: Request) -> None:
    """Five more answers of each column at once."""
    for answer in turn.answers.filter(chosen=True, column__lt=len(turn.session.active_columns)):
        answer.turn = turn
        ask_again(answer, request.user, times=RUNS_AT_ONCE)


@reader
@require_GET
def tries(request: Request, pk: int) -> HttpResponse:
    """How all answers to a question spread."""
    turn = find_turn(request, pk)
    session = turn.session
    return regions(request, spread_region(session, turn, can_edit=may_change(request.user, session)))


@reader
@require_GET
def answer_tokens(request: Request, pk: int) -> HttpResponse:
    """How likely the tokens of an answer were."""
    return regions(request, told_tokens_region(find_answer(request, pk)))


@editor
@require_GET
def answer_form(request: Request, pk: int) -> HttpResponse:
    """The answer as a field; with ?plain as it was."""
    answer = find_answer(request, pk, change=True)
    session = answer.turn.session
    view = view_of_answer(answer)
    editing = "plain" not in request.GET and view.progress is None
    region = answer_region(view, session, can_edit=True)
    return regions(request, Region(region.template, region.id, {**region.context, "editing": editing}))


@editor
@require_POST
def answer(request: Request, pk: int, verb: str) -> HttpResponse:
    answer = find_answer(request, pk, change=True)
    session = answer.turn.session
    verbs: dict[str, Callable[[], object]] = {
        "again": lambda: ask_again(answer, request.user),
        "raise": lambda: ask_with_more_tokens(session, answer, request),
        "choose": lambda: edits.choose_answer(answer),
        "edit": lambda: edits.edit_answer(answer, posted_text(request)),
        "delete": lambda: edits.delete_answer(answer),
        "winner": lambda: edits.toggle_winner(answer),
    }
    if verb not in verbs:
        raise Http404(f"There is no verb {verb!r}.")
    try:
        save_page(
            request, answer.turn, verb, {answer.column: prompt_of(answer.turn, answer.column)}, answer.turn.variables
        )
        with transaction.atomic():
            verbs[verb]()
            if verb in ASKING:
                record_calls(request, session, [answer.column])
            else:
                record_change(request, session)
    except NotAskable as error:
        return problems_response(request, find_session(request, session.pk), error.problems)
    session = find_session(request, session.pk)
    return talk_response(request, session, *([parameters_region(session)] if verb == "raise" else []))


def ask_with_more_tokens(session: Session, answer: Answer, request: Request) -> None:
    """Another try with more tokens, which the settings keep."""
    tokens = whole_number(request.POST.get("tokens"))
    if tokens is None or not 0 < tokens <= 1_000_000:
        raise Http404("tokens= is a number of tokens.")
    with change_settings(session):
        edits.raise_token_limit(session, answer.column, tokens)
    ask_again(answer, request.user)
