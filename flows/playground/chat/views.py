"""The page of a session, its settings, and the question that is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from connections.audited import record_listing
from connections.clients import foundry_client
from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.models import Connection
from flows.playground.access import find_session, find_session_of, find_turn
from flows.playground.audited import record_calls, record_change, record_session
from flows.playground.chat import comparison, edits, images
from flows.playground.chat.ask import UNNAMED, ask_question, empty_variables, settings_problems
from flows.playground.chat.calls import NotAskable
from flows.playground.chat.forms import (
    EXAMPLES_SHOWN,
    LEAVE_EMPTY,
    LONGEST,
    VARIABLE,
    SetupForm,
    template_problems,
    variables_of,
)
from flows.playground.chat.page import SessionPage, page_without_talk, session_page
from flows.playground.chat.regions import (
    history_region,
    message_regions,
    page_context,
    refusal_regions,
    saved_region,
    variables_region,
)
from flows.playground.chat.responses import page_response, problems_response, redirect_to_session, talk_response
from flows.playground.chat.save_settings import change_settings, save_settings
from flows.playground.models import Session
from flows.playground.setup import Setup
from foundryflow.access import editor, reader
from foundryflow.database.threads import in_thread
from foundryflow.http import Request, form_data, whole_number
from foundryflow.regions import Region, page, regions
from foundryflow.roles import may_edit

LISTING = 10.0  # seconds that a list of deployments may take
MOST_LISTED = 500
MOST_EDITED = 20  # former questions whose fields are open


@reader
@require_GET
def index(request: Request) -> HttpResponse:
    """The newest session of one's own. Whoever may run gets a first one."""
    newest = Session.objects.filter(owner=request.user).first()
    if newest is None and may_edit(request.user):
        newest = create_session(request)
    if newest is None:
        shared = Session.objects.visible_to(request.user).select_related("owner")[:50]
        return page(request, "playground/none.html", {"shared": shared})
    return redirect("playground:show", newest.pk)


@editor
@require_POST
def new(request: Request) -> HttpResponse:
    return redirect("playground:show", create_session(request, form_data(request).get("connection", "")).pk)


@transaction.atomic
def create_session(request: Request, connection: str = "") -> Session:
    session = Session.objects.create(
        name=UNNAMED, owner=request.user, setup=first_setup(request.user, connection).to_json()
    )
    record_session(request, "created", session)
    return session


def first_setup(user: User, connection: str) -> Setup:
    """With the connection that is named, else with that and the deployment that were used last."""
    if named := Connection.objects.foundry().filter(name=connection).first():
        return Setup(named.name, named.default_model)
    last = Session.objects.filter(owner=user).first()
    if last is not None:
        stored = Setup.from_json(last.setup)
        return Setup(connection=stored.connection, model=stored.model)
    only = list(Connection.objects.foundry().only("name", "default_model")[:2])
    return Setup(only[0].name, only[0].default_model) if len(only) == 1 else Setup()


@reader
@require_GET
def show(request: Request, pk: int) -> HttpResponse:
    session = find_session(request, pk)
    view = "code" if request.GET.get("view") == "code" else "chat"
    return page_response(request, session, view=view, before=whole_number(request.GET.get("before")))


@reader
@require_GET
def of_flow(request: Request, slug: str) -> HttpResponse:
    """Where the runs of a session lead back to."""
    return redirect("playground:show", find_session_of(request, slug).pk)


@editor
@require_POST
def save(request: Request, pk: int) -> HttpResponse:
    """Saves the settings as they are typed, and what is typed of a question."""
    session = find_session(request, pk, change=True)
    before = deployments_of(session)
    with transaction.atomic():
        form, problems = save_settings(session, form_data(request))
        record_change(request, session)
    problems |= template_problems(Setup.from_json(session.setup), session.draft)
    if not request.htmx:
        return (
            page_response(request, session, status=422, problems=problems) if problems else redirect_to_session(session)
        )
    edited = [text[:LONGEST] for text in request.POST.getlist("text")[:MOST_EDITED]]
    typed = refused_values(request, problems)
    shown = page_without_talk(session, request.user, problems=problems, typed=typed, edited=edited)
    said = saved_region("Not saved: see the marked fields", bad=True) if form.errors else saved_region()
    parts = [*message_regions(posted_fields(request), problems), *dependent_regions(request, shown, form, before), said]
    response = regions(request, *parts, status=422 if problems else 200)
    response.headers["HX-Trigger"] = "setup-saved"
    return response


def deployments_of(session: Session) -> list[tuple[str, str]]:
    """Connection and deployment of each column."""
    return [(setup.connection, setup.model) for setup in session.active_setups]


def dependent_regions(
    request: Request, shown: SessionPage, form: SetupForm, before: list[tuple[str, str]]
) -> Iterator[Region]:
    """What depends on the settings and is not what is being typed."""
    context, now = page_context(shown), shown.setup
    yield history_region(shown)
    yield Region("playground/_set_counts.html", "parameters-set", context)
    if shown.session.comparing:
        for column in shown.columns:
            yield Region("playground/_column_label.html", f"column-said-{column.number}", {"column": column})
    variables = {name.removeprefix(VARIABLE) for name in request.POST if is_variable(name)}
    if "prompt" in request.POST and variables != set(variables_of(shown.session, shown.edited)):
        yield variables_region(shown)
        yield Region("playground/_insert_menu.html", "insert-variable", context)
    if before != deployments_of(shown.session):
        yield Region("playground/_parameters.html", "parameters", context)
        yield from refusal_regions(shown)
        if not shown.session.comparing:
            yield Region("playground/_connection_hint.html", "connection-hint", context)
    if len(form.posted_examples()) != len(now.examples) and EXAMPLES_SHOWN in request.POST:
        yield Region("playground/_examples.html", "examples", context)
        yield Region("playground/_examples_count.html", "examples-count", context)


def is_variable(name: str) -> bool:
    return name.startswith(VARIABLE)


def posted_fields(request: Request) -> list[str]:
    """Names of the fields that were posted and have a place for complaints."""
    others = ("csrfmiddlewaretoken", EXAMPLES_SHOWN, LEAVE_EMPTY, "text", "add-example", "remove-example")
    return [name for name in request.POST if name not in others and not is_variable(name)]


def refused_values(request: Request, problems: dict[str, str]) -> dict[str, str]:
    return {name: str(request.POST[name]) for name in problems if name in request.POST}


@editor
@require_POST
def ask(request: Request, pk: int) -> HttpResponse:
    """Asks what is typed, with the settings as they stand on the page."""
    session = find_session(request, pk, change=True)
    _, problems = save_settings(session, form_data(request))
    names = [*posted_fields(request), "prompt", "images", "connection", "model"]
    try:
        attached = images.read_images(request.FILES.getlist("images"))
        prompts = dict.fromkeys(range(len(session.active_columns)), session.draft) | own_prompts(session)
        problems |= settings_problems(session, prompts)
        problems |= empty_variables(session, prompts, request.POST.getlist(LEAVE_EMPTY))
        if problems:
            raise NotAskable(problems)
        with transaction.atomic():
            own = {str(number): prompt for number, prompt in own_prompts(session).items()}
            ask_question(session, session.draft, attached, request.user, prompts=own)
            record_calls(request, session, range(len(session.active_columns)))
    except images.BadImage as error:
        return problems_response(request, session, {**problems, "images": str(error)}, names)
    except NotAskable as error:
        session = find_session(request, pk, change=True)
        return problems_response(request, session, error.problems, names)
    with change_settings(session):
        comparison.clear_prompts(session)
    more = [
        *message_regions(names, {}),
        saved_region(),
        Region("playground/_name.html", "session-name", {"session": session}),
        history_region(page_without_talk(session, request.user)),
    ]
    return talk_response(request, session, *more, event="asked")


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


@reader
@require_GET
def earlier(request: Request, pk: int) -> HttpResponse:
    """The turns before those that are shown."""
    session = find_session(request, pk)
    before = whole_number(request.GET.get("before"))
    if before is None:
        raise Http404("before= names a turn.")
    shown = session_page(session, request.user, before=before)
    return page(request, "playground/_turns.html", page_context(shown))


@editor
@require_GET
async def deployments(request: Request) -> HttpResponse:
    """Options for the deployments of a connection, as its service lists them; none where it gives no list."""
    column = request.GET.get("column", "")
    name = request.GET.get("connection") or request.GET.get(f"column-{column}-connection", "")
    found: list[str] = []
    found_by_name = Connection.objects.foundry().select_related("spill_over_to").filter(name=name)
    connection = await in_thread(found_by_name.first)()
    if connection is not None:
        await in_thread(record_listing)(request, connection)
        try:
            async with asyncio.timeout(LISTING):
                listed = await foundry_client().deployments(connection.target())
        except (KeyUnreadable, EndpointError, TimeoutError):
            listed = None
        if listed is not None:
            await in_thread(connection.record_list)(listed)
        found = [deployment.name for deployment in listed or []][:MOST_LISTED]
    return await sync_to_async(page)(request, "playground/_deployments.html", {"names": found})


@reader
@require_GET
def image(request: Request, pk: int, name: str) -> HttpResponse:
    """One image of a question."""
    turn = find_turn(request, pk)
    at = whole_number(name, 2)
    if at is None or at >= len(turn.images):
        raise Http404("This question has no such image.")
    try:
        kind, content = images.decode_image(turn.images[at])
    except images.BadImage:
        raise Http404("This is not an image.") from None
    headers = {"Cache-Control": "private, max-age=86400", "Content-Security-Policy": "default-src 'none'"}
    return HttpResponse(content, content_type=kind, headers=headers)
