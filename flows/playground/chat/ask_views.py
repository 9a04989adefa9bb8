"""Asks what is typed, and stops what was asked."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from flows.playground.access import find_session
from flows.playground.audit import record_calls, record_session
from flows.playground.chat import comparison, edits, images
from flows.playground.chat.ask import ask_question, empty_variables, settings_problems
from flows.playground.chat.calls import NotAskable
from flows.playground.chat.forms import LEAVE_EMPTY
from flows.playground.chat.page import page_without_talk
from flows.playground.chat.regions import history_region, message_regions, saved_region
from flows.playground.chat.responses import problems_response, talk_response
from flows.playground.chat.save_settings import change_settings, save_settings
from flows.playground.chat.settings_views import posted_fields
from flows.playground.models import Session
from foundryflow.access import editor
from foundryflow.http import Request, form_data
from foundryflow.regions import Region


@editor
@require_POST
def ask(request: Request, pk: int) -> HttpResponse:
    """Asks what is typed, with the settings as they stand on the page."""
    session = find_session(request, pk, change=True)
    names = [*posted_fields(request), "prompt", "images", "connection", "model"]
    try:
        ask_what_is_typed(request, session)
    except NotAskable as error:
        return problems_response(request, find_session(request, pk, change=True), error.problems, names)
    more = [
        *message_regions(names, {}),
        saved_region(),
        Region("playground/_name.html", "session-name", {"session": session}),
        history_region(page_without_talk(session, request.user)),
    ]
    return talk_response(request, session, *more, event="asked")


def ask_what_is_typed(request: Request, session: Session) -> None:
    """Raises NotAskable."""
    _, problems = save_settings(session, form_data(request))
    try:
        attached = images.read_images(request.FILES.getlist("images"))
    except images.BadImage as error:
        raise NotAskable({**problems, "images": str(error)}) from None
    own = own_prompts(session)
    prompts = dict.fromkeys(session.column_numbers, session.draft) | own
    problems |= settings_problems(session, prompts)
    problems |= empty_variables(session, prompts, request.POST.getlist(LEAVE_EMPTY))
    if problems:
        raise NotAskable(problems)
    with transaction.atomic():
        own_by_name = {str(number): prompt for number, prompt in own.items()}
        ask_question(session, session.draft, attached, request.user, prompts=own_by_name)
        record_calls(request, session, session.column_numbers)
    with change_settings(session):
        comparison.clear_prompts(session)


def own_prompts(session: Session) -> dict[int, str]:
    """Of the columns that ask something of their own."""
    own = enumerate(session.active_columns)
    return {number: str(column["prompt"]) for number, column in own if number and column.get("prompt")}


@editor
@require_POST
def stop(request: Request, pk: int) -> HttpResponse:
    session = find_session(request, pk, change=True)
    with transaction.atomic():
        if stopped := edits.stop_calls(session, request.user):
            record_session(request, "stopped", session, f", {stopped} call{'' if stopped == 1 else 's'}")
    return talk_response(request, session)
