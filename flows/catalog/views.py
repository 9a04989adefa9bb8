"""The list of flows and what one does with a flow as a whole."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.access import find_flow
from flows.catalog import files
from flows.catalog.beginnings import NewFlowForm
from flows.catalog.contexts import first_steps
from flows.catalog.deletion import reasons_to_keep
from flows.catalog.duplicate import duplicate_flow
from flows.catalog.files import FlowFormat, ImportOutcome
from flows.catalog.list import FlowListPage
from flows.catalog.sample import FIRST, NAMES, add_sample, sample_flows
from flows.language.document import DocumentError
from flows.models import Flow
from flows.models.audit import flow_subject, imported_words
from flows.models.run_counts import runs_in_all
from foundryflow.access import editor, reader
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, page, regions

OUTCOMES = {
    ImportOutcome.CREATED: "was imported.",
    ImportOutcome.REVISED: "has a new revision, {number}.",
}


class FlowImportForm(forms.Form):
    file = forms.FileField(
        label="Flow file",
        error_messages={"required": "Choose a file: a flow exported as JSON or YAML.", "empty": "The file is empty."},
    )


@reader
@require_GET
def home(request: Request) -> HttpResponse:
    return redirect("flows:list")


@reader
@require_GET
def flow_list(request: Request) -> HttpResponse:
    shown = FlowListPage(request.GET)
    if request.htmx and not request.htmx.history_restore_request:
        found = Region("flows/_found.html", "flows-found", shown.context)
        return regions(request, Region("flows/_filters.html", "flows-filters", shown.context), found)
    if not shown.is_filtered and not shown.page.paginator.count:
        return page(request, "flows/empty.html", {"steps": first_steps(), "samples": sample_flows()})
    return page(request, "flows/list.html", shown.context)


@editor
@require_http_methods(["GET", "POST"])
def create_flow(request: Request) -> HttpResponse:
    form = NewFlowForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if form.address:
            return redirect(form.address)
        try:
            with transaction.atomic():
                flow, origin = form.new_flow.create(request.user)
                record(origin_of(request), "created", flow_subject(flow), origin)
        except (DocumentError, OSError, Flow.DoesNotExist) as error:
            form.add_error("beginning", f"It cannot be copied: {error}")
        else:
            return redirect("designer:show", flow.slug)
    context = {"form": form, "begins": form.is_bound or "begin" in request.GET, "samples": sample_flows()}
    return page(request, "flows/new.html", context, status=422 if form.is_bound else 200)


@editor
@require_http_methods(["GET", "POST"])
def import_file(request: Request) -> HttpResponse:
    if request.method == "GET":
        return page(request, "flows/import.html", {"form": FlowImportForm(), "samples": sample_flows()})
    form = FlowImportForm(request.POST, request.FILES)
    problems: list[str] = []
    if form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            flow, outcome = import_and_record(request, upload.read(files.LARGEST_FILE + 1))
        except DocumentError as error:
            problems = list(error.problems)
        else:
            messages.info(request, f"{flow.name} {OUTCOMES[outcome].format(number=flow.current.number)}")
            return redirect("designer:show", flow.slug)
    context = {"form": form, "problems": problems, "samples": sample_flows()}
    return page(request, "flows/import.html", context, status=422)


@transaction.atomic
def import_and_record(request: Request, content: bytes) -> tuple[Flow, ImportOutcome]:
    """Raises DocumentError."""
    flow, outcome = files.import_flow(content, by=request.user)
    created = outcome == ImportOutcome.CREATED
    record(origin_of(request), "imported", flow_subject(flow), imported_words(flow, created))
    return flow, outcome


@editor
@require_POST
def create_sample(request: Request) -> HttpResponse:
    """One of the sample flows, with its connections."""
    name = request.POST.get("name", FIRST)
    if name not in NAMES:
        raise Http404
    try:
        with transaction.atomic():
            flow = add_sample(name, by=request.user)
            record(origin_of(request), "created", flow_subject(flow), "from a sample, with its connections")
    except OSError as error:
        messages.error(request, f"The database of the sample cannot be written: {error.strerror}.")
        return redirect("flows:list")
    return redirect("designer:show", flow.slug)


@editor
@require_POST
def duplicate(request: Request, slug: str) -> HttpResponse:
    """Another flow like this one, which opens."""
    flow = find_flow(request, slug)
    try:
        with transaction.atomic():
            copy = duplicate_flow(flow, by=request.user)
            record(origin_of(request), "created", flow_subject(copy), f"as a copy of {flow.name}")
    except DocumentError as error:
        messages.error(request, f"{flow.name} cannot be copied: {error.problems[0]}")
        return redirect("flows:list")
    return redirect("designer:show", copy.slug)


@reader
@require_GET
def export(request: Request, slug: str) -> HttpResponse:
    flow = find_flow(request, slug)
    try:
        format = FlowFormat(request.GET.get("format", FlowFormat.JSON))
    except ValueError:
        raise Http404(f"A flow is exported as {' or '.join(FlowFormat)}.") from None
    number = whole_number(request.GET.get("r"), 9)
    revision = flow.current if number is None else get_object_or_404(flow.revisions, number=number)
    record(origin_of(request), "exported", flow_subject(flow), f"as {format.name}, r{revision.number}")
    name = flow.slug if number is None else f"{flow.slug}-r{number}"
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format}"'}
    return HttpResponse(files.export_text(revision.document, format), content_type=format.content_type, headers=headers)


@editor
@require_http_methods(["GET", "POST"])
def delete(request: Request, slug: str) -> HttpResponse:
    """Asks first; refuses while a run is going, and while another flow runs this one."""
    flow = find_flow(request, slug)
    reasons = reasons_to_keep(flow)
    if request.method == "POST" and not reasons:
        with transaction.atomic():
            subject = flow_subject(flow)
            flow.remove()
            record(origin_of(request), "deleted", subject, "with its runs")
        messages.info(request, f"{flow.name} was deleted with its runs.")
        return redirect("flows:list")
    context = {"flow": flow, "reasons": reasons, "runs": runs_in_all([flow.pk])[flow.pk]}
    return page(request, "flows/delete.html", context, status=409 if request.method == "POST" else 200)
