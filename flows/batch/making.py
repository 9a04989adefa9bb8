"""Make a batch from a session: the page with its preview, and the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from connections.models import Connection
from flows.batch import starting
from flows.batch.checks import MOST_CHECKS, CheckError, parse
from flows.batch.contexts import VALUE_CLIP, shortened
from flows.batch.draft import Draft, Unready, judges_of, stored_checks
from flows.batch.table import Table, TableError
from flows.batch.words import KINDS
from flows.language.document import DocumentError
from flows.language.values import as_text
from flows.playground.access import find_session
from foundryflow.access import editor
from foundryflow.http import Request, form_data, whole_number
from foundryflow.regions import Region, page, regions

ROWS = 5  # of the preview


class Preview:
    """What is in the table, and what becomes of it."""

    def __init__(self, draft: Draft) -> None:
        self.problems: Sequence[str] = ()
        self.table: Table | None = None
        self.empty = draft.upload is None and not draft.typed_table.strip()
        self.ignored = draft.upload is not None and bool(draft.typed_table.strip())
        if self.empty:
            return
        try:
            self.table = draft.table
        except TableError as error:
            self.problems = error.problems
            return
        self.columns = self.table.columns
        self.rows = [
            [shortened(as_text(row[name]), VALUE_CLIP) for name in self.columns] for row in self.table.rows[:ROWS]
        ]
        variants = draft.variants(judges_so_far(draft), self.columns)
        self.variables = dict.fromkeys(name for variant in variants for name in variant.inputs)
        self.missing = dict.fromkeys(name for variant in variants for name in variant.missing(self.columns))
        self.constants = {name: value for variant in variants for name, value in variant.constants.items()}
        self.calls = len(self.table.rows) * len(variants)

    @property
    def matched(self) -> list[str]:
        return [name for name in self.variables if name in self.columns]

    @property
    def extra(self) -> list[str]:
        return [name for name in self.columns if name not in self.variables]


def judges_so_far(draft: Draft) -> list[Any]:
    try:
        return judges_of(parse(stored_checks(draft.checks)))
    except CheckError:
        return []


@editor
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    """Asks for prompt, table and checks, then begins."""
    number = whole_number(request.GET.get("session"))
    if number is None:
        messages.info(request, "A batch is made from a session. Choose one.")
        return redirect("batch:list")
    session = find_session(request, number)
    if request.method == "GET":
        return whole_page(request, Draft(session))
    draft = filled_in(request, session)
    try:
        batch = starting.begin(draft.plan(), by=request.user)
    except (Unready, DocumentError) as error:
        return not_ready(request, draft, error.problems)
    address = reverse("batch:show", args=[batch.pk])
    return HttpResponse(headers={"HX-Redirect": address}) if request.htmx else redirect(address)


@editor
@require_POST
def preview(request: Request) -> HttpResponse:
    """The table as it is read, while the page is filled in."""
    draft = filled_in(request, find_session(request, whole_number(request.GET.get("session")) or 0))
    return regions(request, Region("batch/_preview.html", "batch-preview", {"preview": Preview(draft)}))


def filled_in(request: Request, session: Any) -> Draft:
    return Draft(session, form_data(request), request.FILES.get("file"))


def not_ready(request: Request, draft: Draft, problems: Sequence[str]) -> HttpResponse:
    """With htmx the page stays as it is, with the file that was chosen; only what is wrong is shown."""
    if request.htmx:
        return regions(request, Region("batch/_problems.html", "batch-problems", {"problems": problems}), status=422)
    return whole_page(request, draft, problems)


def whole_page(request: Request, draft: Draft, problems: Sequence[str] = ()) -> HttpResponse:
    context = {
        "draft": draft,
        "session": draft.session,
        "preview": Preview(draft),
        "problems": problems,
        "connections": Connection.objects.values_list("name", flat=True),
        "kinds": KINDS.items(),
        "most_checks": MOST_CHECKS,
        "most_calls": starting.MOST_CALLS,
    }
    return page(request, "batch/new.html", context, status=422 if problems else 200)
