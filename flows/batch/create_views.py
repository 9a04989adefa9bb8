"""The page that creates a batch from a session, and its preview of the table."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from connections.models import Connection
from flows.batch import lifecycle
from flows.batch.audit import record_batch
from flows.batch.checks import MOST_CHECKS, CheckError, parse_checks
from flows.batch.contexts import VALUE_CLIP, shorten
from flows.batch.create_form import BatchIncomplete, CreateForm, judges_of, stored_checks
from flows.batch.input_table import InputTable, TableError
from flows.batch.labels import KIND_LABELS
from flows.batch.variants import Judge
from flows.language.document import DocumentError
from flows.language.values import as_text
from flows.playground.access import find_session
from flows.playground.models import Session
from foundryflow.access import editor
from foundryflow.http import Request, form_data, whole_number
from foundryflow.regions import Region, page, regions

PREVIEW_ROWS = 5


class TablePreview:
    """The first rows of the table, and which variables they give a value."""

    def __init__(self, form: CreateForm) -> None:
        self.problems: Sequence[str] = ()
        self.table: InputTable | None = None
        self.empty = form.upload is None and not form.typed_table.strip()
        self.ignored = form.upload is not None and bool(form.typed_table.strip())
        if self.empty:
            return
        try:
            self.table = form.table
        except TableError as error:
            self.problems = error.problems
            return
        self.columns = self.table.columns
        self.rows = [
            [shorten(as_text(row[name]), VALUE_CLIP) for name in self.columns] for row in self.table.rows[:PREVIEW_ROWS]
        ]
        variants = form.variants(readable_judges(form), self.columns)
        self.variables = dict.fromkeys(name for variant in variants for name in variant.inputs)
        self.missing = dict.fromkeys(name for variant in variants for name in variant.missing(self.columns))
        self.constants = {name: value for variant in variants for name, value in variant.constants.items()}
        self.calls = len(self.table.rows) * len(variants)

    @property
    def given_variables(self) -> list[str]:
        return [name for name in self.variables if name in self.columns]

    @property
    def unused_columns(self) -> list[str]:
        return [name for name in self.columns if name not in self.variables]


def readable_judges(form: CreateForm) -> list[Judge]:
    """The judges among the checks; none while a check cannot be read."""
    try:
        return judges_of(parse_checks(stored_checks(form.checks)))
    except CheckError:
        return []


@editor
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    """Asks for prompt, table and checks, then creates the batch and goes to its page."""
    number = whole_number(request.GET.get("session"))
    if number is None:
        messages.info(request, "A batch is made from a session. Choose one.")
        return redirect("batch:list")
    session = find_session(request, number)
    if request.method == "GET":
        return form_page(request, CreateForm(session))
    form = posted_form(request, session)
    try:
        with transaction.atomic():
            batch = lifecycle.create_batch(form.plan(), by=request.user)
            record_batch(request, "created", batch, f"from session {session.pk}")
    except (BatchIncomplete, DocumentError) as error:
        return problems_response(request, form, error.problems)
    address = reverse("batch:show", args=[batch.pk])
    return HttpResponse(headers={"HX-Redirect": address}) if request.htmx else redirect(address)


@editor
@require_POST
def preview(request: Request) -> HttpResponse:
    """The preview of the table, while the page is filled in."""
    form = posted_form(request, find_session(request, whole_number(request.GET.get("session")) or 0))
    return regions(request, Region("batch/_preview.html", "batch-preview", {"preview": TablePreview(form)}))


def posted_form(request: Request, session: Session) -> CreateForm:
    return CreateForm(session, form_data(request), request.FILES.get("file"))


def problems_response(request: Request, form: CreateForm, problems: Sequence[str]) -> HttpResponse:
    """Says what is wrong. With htmx nothing else of the page changes, so that the chosen file stays."""
    if request.htmx:
        return regions(request, Region("batch/_problems.html", "batch-problems", {"problems": problems}), status=422)
    return form_page(request, form, problems)


def form_page(request: Request, form: CreateForm, problems: Sequence[str] = ()) -> HttpResponse:
    context = {
        "form": form,
        "session": form.session,
        "preview": TablePreview(form),
        "problems": problems,
        "connections": Connection.objects.foundry().values_list("name", flat=True),
        "kinds": KIND_LABELS.items(),
        "most_checks": MOST_CHECKS,
        "most_calls": lifecycle.MOST_CALLS,
    }
    return page(request, "batch/new.html", context, status=422 if problems else 200)
