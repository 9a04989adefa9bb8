"""The page of a flow's revisions: what changed, compare any two, restore, publish."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.access import find_flow
from flows.language.document import DocumentError
from flows.models import Conflict, Flow, Publication, PublishedMeanwhile
from flows.revisions.comparison import find_revision
from flows.revisions.publish import NotPublishable, publish_and_record, restore_and_record
from flows.revisions.regions import (
    DESIGNER,
    PublishForm,
    page_regions,
    publish_region,
    published_words,
    tag_region,
)
from foundryflow.access import editor, reader
from foundryflow.audit.record import origin_of
from foundryflow.http import Request, whole_number
from foundryflow.names import name_of
from foundryflow.regions import page, regions


@reader
@require_GET
def show(request: Request, slug: str) -> HttpResponse:
    flow = find_flow(request, slug)
    parts = page_regions(request, flow)
    if request.htmx and not request.htmx.history_restore_request:
        return regions(request, *parts)
    context = {name: value for part in parts for name, value in part.context.items()}
    return page(request, "revisions/revisions.html", context)


@editor
@require_http_methods(["GET", "POST"])
def publish(request: Request, slug: str) -> HttpResponse:
    """Shows what would change for those who call the flow; publishes that, unless another one was published since."""
    flow = find_flow(request, slug)
    given = request.GET if request.method == "GET" else request.POST
    revision = find_revision(flow, given.get("r", "")) or flow.current
    revision.flow = flow
    form = PublishForm(flow, revision, given.get("page", ""), given.get("note", "").strip())
    if request.method == "GET":
        return form_page(request, form, 200)
    return publish_revision(request, form, given.get("instead_of", ""))


@editor
@require_POST
def publish_again(request: Request, slug: str) -> HttpResponse:
    """Rolls back by one press: publishes a revision that was published before. Asks where that is not possible."""
    flow = find_flow(request, slug)
    revision = find_revision(flow, request.POST.get("r", "")) or flow.current
    revision.flow = flow
    return publish_revision(request, PublishForm(flow, revision), request.POST.get("instead_of", ""))


@editor
@require_POST
def restore(request: Request, slug: str) -> HttpResponse:
    flow = find_flow(request, slug)
    revision, base = find_revision(flow, request.POST.get("r", "")), whole_number(request.POST.get("base"), 9) or 0
    if revision is None:
        return redirect("revisions:show", slug)
    try:
        if flow.current.number == base and revision.parsed().json == flow.current.document:
            messages.info(request, f"The draft, r{base}, is the same as r{revision.number}. Nothing was changed.")
            return redirect("revisions:show", slug)
        made = restore_and_record(flow, revision, base=base, by=request.user, origin=origin_of(request))
    except Conflict as conflict:
        who = name_of(conflict.theirs.created_by) or "Somebody"
        number = conflict.theirs.number
        messages.error(request, f"{who} has changed the draft meanwhile: it is r{number}. Look at it, then restore.")
        return redirect("revisions:show", slug)
    except DocumentError as error:
        messages.error(request, f"r{revision.number} cannot be restored: {error.problems[0]}")
        return redirect(f"{reverse('revisions:show', args=[slug])}?r={revision.number}")
    messages.info(request, f"The draft, r{made.number}, has the content of r{revision.number} again.")
    return redirect("revisions:show", slug)


def publish_revision(request: Request, form: PublishForm, instead_of: str) -> HttpResponse:
    """`instead_of` is the number that the revision was compared with; empty where none was published."""
    flow, revision = form.flow, form.revision
    if form.is_published:
        form.problem = f"r{revision.number} is published already."
        return form_page(request, form, 409)
    if form.problem:
        return form_page(request, form, 422)
    try:
        before = find_revision(flow, instead_of)
        publish_and_record(
            revision, instead_of=before, by=request.user, note=form.note[: form.longest_note], origin=origin_of(request)
        )
    except NotPublishable as refusal:
        form.problem = f"r{revision.number} was not published. {refusal}"
        return form_page(request, form, 422)
    except PublishedMeanwhile:
        return form_page(request, compare_anew(request, form), 409)
    return published_response(request, form)


def compare_anew(request: Request, form: PublishForm) -> PublishForm:
    """The same with what somebody else has published meanwhile."""
    flow = find_flow(request, form.flow.slug)
    revision = flow.revisions.get(pk=form.revision.pk)
    revision.flow = flow
    anew = PublishForm(flow, revision, form.page, form.note)
    anew.problem = f"{published_words(Publication.objects.newest_of(flow))}. Below is what differs from that."
    return anew


def published_response(request: Request, form: PublishForm) -> HttpResponse:
    flow = find_flow(request, form.flow.slug)
    said = f"r{form.revision.number} is published: API, command line and subflows run it from now on."
    if flow.head_id != form.revision.pk and form.revision.created_at < flow.current.created_at:
        said += f" {later_words(flow)}"
    if request.htmx and form.page == DESIGNER:
        return regions(request, publish_region(None), tag_region(flow, said))
    messages.info(request, said)
    address = reverse(f"{DESIGNER if form.page == DESIGNER else 'revisions'}:show", args=[flow.slug])
    return HttpResponse(headers={"HX-Redirect": address}) if request.htmx else redirect(address)


def later_words(flow: Flow) -> str:
    who = name_of(flow.current.created_by)
    by = f" by {who}" if who else ""
    return f"The draft has gone on to r{flow.current.number}{by}, which is not published."


def form_page(request: Request, form: PublishForm, status: int) -> HttpResponse:
    """In the dialog, or as a page of its own where no script opens one."""
    if request.htmx:
        return regions(request, publish_region(form), status=status)
    return page(request, "revisions/publish.html", {"form": form, "flow": form.flow}, status=status)
