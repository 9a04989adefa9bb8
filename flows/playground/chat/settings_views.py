"""The settings of a session as they are typed, and the deployments that they choose among."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.http import require_GET, require_POST

from connections.audit import record_listing
from connections.clients import foundry_client
from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.models import Connection
from flows.playground.access import find_session
from flows.playground.audit import record_change
from flows.playground.chat.forms import (
    EXAMPLES_SHOWN,
    LEAVE_EMPTY,
    LONGEST,
    VARIABLE,
    SetupForm,
    template_problems,
    variables_of,
)
from flows.playground.chat.page import SessionPage, page_without_talk
from flows.playground.chat.regions import (
    history_region,
    message_regions,
    page_context,
    refusal_regions,
    saved_region,
    variables_region,
)
from flows.playground.chat.responses import page_response, redirect_to_session
from flows.playground.chat.save_settings import save_settings
from flows.playground.models import Session
from flows.playground.setup import Setup
from foundryflow.access import editor
from foundryflow.database.threads import in_thread
from foundryflow.http import Request, form_data
from foundryflow.regions import Region, page, regions

LISTING = 10.0  # seconds that a list of deployments may take
MOST_LISTED = 500
MOST_EDITED = 20  # former questions whose fields are open


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
