"""What the designer answers to an edit: the regions it changed, or without htmx a page or the way to it."""

from __future__ import annotations

from functools import wraps

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from flows.designer.conflict import action_differences, author_of, edit_conflict, start_differences
from flows.designer.edits import property_form
from flows.designer.opened import OpenFlow
from flows.designer.panel import Panel, PostedPanel, stored_values, typed_panel
from flows.designer.regions import (
    action_region,
    card_region,
    chart_region,
    message_regions,
    name_region,
    page_context,
    panel_region,
    problems_region,
    saved_region,
    start_region,
    stored_field_regions,
)
from flows.designer.start_form import StartForm
from flows.flowchart.chart import START
from flows.language.document import Action, Document, DocumentError
from flows.models import Flow, Revision
from foundryflow.access import View
from foundryflow.http import Request
from foundryflow.regions import Region, page, regions


def explain_broken_document(view: View) -> View:
    """The view, which answers with what is wrong when it meets a stored document that cannot be read."""

    @wraps(view)
    def explained(request: Request, slug: str, **place: str) -> HttpResponse:
        try:
            answer: HttpResponse = view(request, slug, **place)
        except DocumentError as error:
            opened, problems = OpenFlow.find(request, slug), error.problems
        else:
            return answer
        if request.htmx:
            sentence = f"Not possible: the document of this flow cannot be read. {'; '.join(problems[:3])}"
            return regions(request, saved_region(opened, sentence), status=422)
        context = {"flow": opened.flow, "problems": problems}
        return page(request, "designer/broken.html", context, status=200 if request.method == "GET" else 422)

    return explained


def panel_saved(opened: OpenFlow, posted: PostedPanel, typed: Action) -> HttpResponse:
    """After a save: the card, the problems, the messages at the fields and the saved text; not what is typed.

    Only fields that held a literal secret are renewed, since it is stored elsewhere now, and rows of variables.
    """
    action_id = typed.id
    if not opened.request.htmx:
        return redirect_to(opened.flow, action_id)
    action = opened.document.locate(action_id).action
    declared = posted.form.property_fields() if posted.form else ()
    changed = [
        name
        for name, field in declared
        if field.rows_partial or action.properties.get(name) != typed.properties.get(name)
    ]
    return regions(
        opened.request,
        card_region(opened, action_id),
        problems_region(opened),
        saved_region(opened),
        *message_regions(Panel(opened, action, posted.form, stored_values(action))),
        *stored_field_regions(opened, action, changed),
    )


def panel_not_valid(opened: OpenFlow, posted: PostedPanel) -> HttpResponse:
    """422: nothing is saved, nothing typed is lost, each field says what is wrong."""
    panel = typed_panel(opened, posted, posted.action, posted.form)
    count = len(posted.errors)
    saved = saved_region(opened, f"Not saved: {count} field{'s' if count > 1 else ''} to correct")
    if opened.request.htmx:
        return regions(opened.request, *message_regions(panel), saved, status=422)
    return page_with(opened, posted.action.id, action_region(panel), status=422)


def panel_in_conflict(opened: OpenFlow, posted: PostedPanel, mine: Action, theirs: Revision) -> HttpResponse:
    """409: both versions, and the choice between them. Nothing is saved but the literal secrets of `mine`."""
    stored = opened.document.find(mine.id)
    if stored is None:
        return action_vanished(opened)
    form = property_form(mine, opened.panel_context(mine.id))
    panel = typed_panel(opened, posted, mine, form)
    panel.conflict = edit_conflict(theirs, mine.id, action_differences(mine, stored, form))
    # Morphed, so that what was typed since the request stays.
    return conflict(opened, mine.id, action_region(panel, swap="outerMorph"))


def start_in_conflict(opened: OpenFlow, mine: Document, theirs: Revision) -> HttpResponse:
    """The same for name and inputs of the flow."""
    form = StartForm(mine)
    form.conflict = edit_conflict(theirs, START, start_differences(mine, opened.document))
    return conflict(opened, START, start_region(opened, form))


def conflict(opened: OpenFlow, selected: str, panel: Region) -> HttpResponse:
    if not opened.request.htmx:
        return page_with(opened, selected, panel, status=409)
    saved = saved_region(opened, "Not saved: changed elsewhere meanwhile", base=opened.base)
    return regions(opened.request, panel, saved, status=409)


def start_not_valid(opened: OpenFlow, form: StartForm) -> HttpResponse:
    panel = start_region(opened, form)
    if not opened.request.htmx:
        return page_with(opened, START, panel, status=422)
    return regions(opened.request, panel, saved_region(opened, "Not saved: see Start"), status=422)


def page_with(opened: OpenFlow, selected: str, panel: Region, *, status: int) -> HttpResponse:
    """The whole page with this panel in it."""
    return page(opened.request, "designer/designer.html", page_context(opened, selected, panel), status=status)


def tree_changed(opened: OpenFlow, selected: str) -> HttpResponse:
    """The whole chart and the panel after the tree has changed."""
    if not opened.request.htmx:
        return redirect_to(opened.flow, selected)
    response = regions(opened.request, *tree_regions(opened, selected), name_region(opened))
    response.headers["HX-Push-Url"] = url_of(opened.flow, selected)
    return response


def tree_in_conflict(opened: OpenFlow, theirs: Revision) -> HttpResponse:
    """409 for an edit of the tree: the chart as it is now, and one sentence."""
    who = f"{author_of(theirs)} changed this flow meanwhile (revision {theirs.number})."
    return tree_refused(opened, f"{who} Your step was not made; here is the flow as it is.")


def action_vanished(opened: OpenFlow) -> HttpResponse:
    """409: what was to be changed was removed meanwhile. The chart as it is now, and one sentence."""
    response = tree_refused(opened, "This action was removed meanwhile. Here is the flow as it is.")
    if opened.request.htmx:
        response.headers["HX-Push-Url"] = url_of(opened.flow, still_selected(opened))
    return response


def tree_refused(opened: OpenFlow, sentence: str) -> HttpResponse:
    if not opened.request.htmx:
        messages.warning(opened.request, sentence)
        return redirect_to(opened.flow)
    return regions(opened.request, *tree_regions(opened, still_selected(opened), sentence), status=409)


def edit_not_possible(opened: OpenFlow, sentence: str) -> HttpResponse:
    """422 for an edit of the tree that the document does not allow."""
    if opened.request.htmx:
        return regions(opened.request, saved_region(opened, sentence), status=422)
    messages.error(opened.request, sentence)
    return redirect_to(opened.flow)


def tree_regions(opened: OpenFlow, selected: str, sentence: str = "") -> list[Region]:
    return [
        chart_region(opened, selected),
        problems_region(opened),
        saved_region(opened, sentence),
        panel_region(opened, selected),
    ]


def still_selected(opened: OpenFlow) -> str:
    """What the page has selected, unless it was removed meanwhile."""
    selected = opened.request.POST.get("action", "")
    return selected if selected == START or opened.document.find(selected) is not None else ""


def url_of(flow: Flow, action_id: str = "") -> str:
    url = reverse("designer:show", args=[flow.slug])
    return f"{url}?action={action_id}" if action_id else url


def redirect_to(flow: Flow, action_id: str = "") -> HttpResponseRedirect:
    return redirect(url_of(flow, action_id))
