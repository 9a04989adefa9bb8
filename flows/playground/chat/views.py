"""The page of a session, and the images on it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from connections.models import Connection
from flows.playground.access import find_session, find_session_of, find_turn
from flows.playground.audit import record_session
from flows.playground.chat import images
from flows.playground.chat.ask import UNNAMED
from flows.playground.chat.page import session_page
from flows.playground.chat.regions import page_context
from flows.playground.chat.responses import page_response
from flows.playground.models import Session
from flows.playground.setup import Setup
from foundryflow.access import editor, reader
from foundryflow.http import Request, form_data, whole_number
from foundryflow.regions import page
from foundryflow.roles import may_edit


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
