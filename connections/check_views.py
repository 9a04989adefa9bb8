"""Tests connections: a form as it stands, one that is stored, all of them."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from connections.access import find_connection
from connections.audit import record_test
from connections.check_rounds import begin_testing, check_stored, create_round, latest_round, stop_round
from connections.clients import check_sign_in, foundry_client
from connections.fields import KeyUnreadable
from connections.forms import AnyConnectionForm, ConnectionForm, TestForm, connection_form
from connections.foundry.diagnosis import TestResult
from connections.kinds.address import AddressError
from connections.kinds.base import SignInCheck
from connections.kinds.foundry import FOUNDRY
from connections.list_page import CHECK_LABELS, ConnectionRow, ListFilters, list_context
from connections.models import Connection
from connections.session_tests import remember_test
from connections.views import chosen_kind, edit_context
from foundryflow.access import editor, reader
from foundryflow.audit.record import Subject, origin_of, record
from foundryflow.database.threads import in_thread
from foundryflow.http import Request, form_data
from foundryflow.regions import Region, page, regions


@editor
@require_POST
async def check_form(request: Request, pk: int | None = None) -> HttpResponse:
    """One tiny call or a sign-in with the form as it stands, remembered until the form is saved; of a stored,
    unchanged connection the outcome is saved."""
    stored = await in_thread(Connection.objects.filter(pk=pk).first)() if pk else None
    form = connection_form(stored.kind_of if stored else chosen_kind(request), request.POST, stored=stored)
    test_form = TestForm(request.POST)
    context: dict[str, Any] = {"problems": await in_thread(problems_of)(form, test_form)}
    if not context["problems"]:
        try:
            outcome = await run_test(form, test_form)
        except (KeyUnreadable, AddressError) as error:
            context = {"problems": [str(error)]}
        else:
            context = outcome_context(outcome)
            await keep_outcome(request, form, test_form, outcome)
    return await in_thread(check_form_response)(request, form, context)


def problems_of(form: AnyConnectionForm, test_form: TestForm) -> list[str]:
    """Why nothing can be tested with what is typed; the name does not matter for it."""
    form.is_valid()
    problems = [str(text) for field, texts in form.errors.items() if field != "name" for text in texts]
    test_form.fields["model"].required = bool(problems) or form.draft().needs_deployment
    if form.kind == FOUNDRY and not test_form.is_valid():
        problems += [str(texts[0]) for texts in test_form.errors.values()]
    return problems


async def keep_outcome(
    request: Request, form: AnyConnectionForm, test_form: TestForm, outcome: TestResult | SignInCheck
) -> None:
    await in_thread(record_form_test)(request, form, outcome)
    if not outcome.ok and isinstance(outcome, TestResult) and outcome.asked_to_embed:
        return  # a text that is not embedded says nothing about the connection
    model = test_form.cleaned_data["model"].strip() if form.kind == FOUNDRY else ""
    await remember_test(request.session, form.draft(), outcome, model)
    if form.stored and form.is_valid() and not form.changes_the_call():
        await in_thread(form.stored.record_check)(outcome)


def check_form_response(request: Request, form: AnyConnectionForm, context: dict[str, Any]) -> HttpResponse:
    status = 422 if context.get("problems") else 200
    if request.htmx:
        return regions(request, *outcome_regions(context, form.stored), status=status)
    return page(request, "connections/edit.html", edit_context(form, form.stored) | context, status=status)


def record_form_test(request: Request, form: AnyConnectionForm, outcome: TestResult | SignInCheck) -> None:
    """With what is typed, which may lead elsewhere than what is stored."""
    tested = form.draft()
    if form.stored is not None:
        tested.pk, tested.name = form.stored.pk, form.stored.name
    record_test(origin_of(request), tested, outcome)


async def run_test(form: AnyConnectionForm, test_form: TestForm) -> TestResult | SignInCheck:
    """Raises KeyUnreadable, AddressError."""
    if isinstance(form, ConnectionForm):
        asked = test_form.cleaned_data
        return await foundry_client().test(form.target(), asked["model"].strip(), asked["embed"].strip())
    return await check_sign_in(form.target())


def outcome_context(outcome: TestResult | SignInCheck, *, is_stored: bool = False) -> dict[str, Any]:
    """What the line beside the button and the details say of a test."""
    label = "Answered" if outcome.ok else CHECK_LABELS.get(outcome.kind, "Failed")
    if isinstance(outcome, TestResult) and outcome.asked_to_embed and not outcome.wrong:
        label = "Embedded" if outcome.ok else "Not embedded"
    return {
        "result" if isinstance(outcome, TestResult) else "check": outcome,
        "at": timezone.now(),
        "is_stored": is_stored,
        "outcome": outcome,
        "outcome_label": label,
    }


def outcome_regions(context: dict[str, Any], stored: Connection | None) -> list[Region]:
    details = "_check_result.html" if "check" in context else "_test_result.html"
    parts = [
        Region("connections/_test_line.html", "test-line", context),
        Region(f"connections/{details}", "test-result", context),
    ]
    if stored is not None and "outcome" in context:
        parts.append(Region("connections/_state_pill.html", "connection-state", {"row": ConnectionRow(stored)}))
    return parts


@editor
@require_POST
async def check_connection(request: Request, pk: int) -> HttpResponse:
    """Tests a connection as it is stored, from the menu of its row or the head of its page."""
    outcome = await check_stored(pk)
    if outcome is None:
        raise Http404("This connection does not exist any more.")
    await in_thread(record_stored_test)(request, pk, outcome)
    return await in_thread(check_response)(request, pk, outcome)


def record_stored_test(request: Request, pk: int, outcome: TestResult | SignInCheck) -> None:
    tested = Connection.objects.filter(pk=pk).first()
    if tested is not None:
        record_test(origin_of(request), tested, outcome)


def check_response(request: Request, pk: int, outcome: TestResult | SignInCheck) -> HttpResponse:
    connection = find_connection(pk)
    in_list = form_data(request).get("from") == "list"
    if not request.htmx:
        return redirect("connections:list") if in_list else redirect("connections:edit", pk)
    if in_list:
        return regions(request, check_region(ConnectionRow(connection)))
    return regions(request, *outcome_regions(outcome_context(outcome, is_stored=True), connection))


def check_region(row: ConnectionRow) -> Region:
    return Region("connections/_check.html", f"check-{row.connection.pk}", {"row": row})


@editor
@require_POST
async def check_all(request: Request) -> HttpResponse:
    """Begins to test those that the filters show, in the background."""
    filters = ListFilters.of(form_data(request))
    round = await in_thread(start_round)(request, filters, await request.auser())
    if round is not None:
        begin_testing(round)
    return await in_thread(progress_response)(request, filters)


@transaction.atomic
def start_round(request: Request, filters: ListFilters, by: Any) -> Any:
    shown = [row.connection.pk for row in list_context(filters)["rows"]]
    made = create_round(shown, by) if shown else None
    if made is not None:
        names = f"{len(made.states)} connection{'' if len(made.states) == 1 else 's'}"
        record(origin_of(request), "used the keys of", Subject("connection", names), "to test all")
    return made


@editor
@require_POST
def stop_all(request: Request) -> HttpResponse:
    """Those that were tested keep their outcome, the others the one that they had."""
    with transaction.atomic():
        stop_round()
        record(origin_of(request), "stopped", Subject("connection", "the test of all connections"))
    return progress_response(request, ListFilters.of(form_data(request)))


@reader
@require_GET
def show_progress(request: Request) -> HttpResponse:
    """How far the test of all is; the list asks each second while one is going."""
    return progress_response(request, ListFilters.of(request.GET))


def progress_response(request: Request, filters: ListFilters) -> HttpResponse:
    if not request.htmx:
        return redirect(f"{reverse('connections:list')}{filters.address.query()}")
    going = latest_round()
    is_over = going is None or not going.running
    context = list_context(filters, only_checks=not is_over)
    bar = Region("connections/_test_all.html", "test-all", context)
    poll = Region("connections/_test_all_poll.html", "test-all-poll", context, swap="outerHTML")
    tested = context["round"].round.states if context["round"] else {}
    cells = [check_region(row) for row in context["rows"] if str(row.connection.pk) in tested]
    foot = [Region("connections/_list_foot.html", "list-foot", context)] if is_over and context["rows"] else []
    return regions(request, bar, poll, *cells, *foot)
