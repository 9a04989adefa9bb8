"""The designer: show a flow, edit it in place. Every edit is one commit, merged with what others did since."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.http import Http404, HttpResponse, QueryDict
from django.views.decorators.http import require_GET, require_POST

from flows.access import find_flow
from flows.actions import registry
from flows.designer import tree
from flows.designer.chosen_fields import ConnectionPropertyField
from flows.designer.clipboard import copied_text, paste_text, stored_keys
from flows.designer.conflict import choices_in, without_undecided
from flows.designer.foreign_changes import first_name
from flows.designer.open_flow import NotTakenBack, OpenFlow
from flows.designer.panel import PostedPanel, stored_panel, typed_panel
from flows.designer.regions import ChartWords, action_region, left_regions, page_context, start_region, toolbox
from flows.designer.responses import (
    conflict_response,
    impossible_response,
    invalid_panel_response,
    invalid_start_response,
    news_response,
    panel_response,
    publication_response,
    redirect_to,
    refused_document_response,
    refused_undo_response,
    saved_panel_response,
    saved_start_response,
    still_selected,
    tree_response,
    vanished_response,
)
from flows.designer.start_form import StartForm
from flows.flowchart.chart import START
from flows.flowchart.labels import deed_of, edited_note
from flows.language.document import Document, DocumentError, Vanished
from flows.language.merge import MergedDocument
from flows.language.schema import MOST_ACTIONS
from flows.models import Conflict
from flows.models.history import RevisionStep
from foundryflow.access import editor, reader
from foundryflow.http import Request, form_data
from foundryflow.regions import Region, page, regions


@reader
@require_GET
def show(request: Request, slug: str) -> HttpResponse:
    """The page; for htmx what is shown once the panel of an action put in last is closed."""
    opened = OpenFlow.find(request, slug)
    if request.htmx:
        return regions(request, action_region(None), *left_regions(opened))
    return page(request, "designer/designer.html", page_context(opened, request.GET.get("action", "")))


@reader
@require_GET
def select(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The panel of one action, or of Start. Without htmx: the page with it open."""
    opened = OpenFlow.find(request, slug)
    if not request.htmx:
        return redirect_to(opened.flow, action_id)
    if action_id != START and opened.document.find(action_id) is None:
        return vanished_response(opened)
    if action_id == opened.new_action_shown:
        opened.new_action = action_id
    return panel_response(opened, action_id)


@reader
@require_GET
def whats_new(request: Request, slug: str) -> HttpResponse:
    """What others have changed since revision `base`, or that another one than `published` is; 204 when nobody has."""
    opened = OpenFlow.find(request, slug)
    if opened.base == opened.flow.current.number:
        is_published = request.GET.get("published", "") == str(opened.flow.published_id or "")
        return HttpResponse(status=204) if is_published else publication_response(opened)
    return news_response(opened, request.GET.get("action", ""))


@editor
@require_POST
def save_properties(request: Request, slug: str, action_id: str) -> HttpResponse:
    opened, choices = OpenFlow.find(request, slug), choices_in(request.POST)
    action = opened.shown_document.find(action_id)
    if action is None:
        return vanished_response(opened)
    posted = PostedPanel(action, opened.panel_context(action_id), request.POST)
    try:
        typed = posted.edit(opened.shown_document)
        if typed is None:
            return invalid_panel_response(opened, posted, choices)
        note = edited_note(posted.title, opened.shown_document, typed)
        if request.POST.get("put-back") and opened.document.find(action_id) is None:
            return tree_response(opened, action_id, opened.put_back(typed, action_id, note=note))
        merged = opened.commit(without_undecided(typed, opened, action_id, choices), note=note)
    except Conflict:
        return conflict_response(opened)
    except DocumentError as error:
        typed_region = action_region(typed_panel(opened, posted, posted.action, posted.form))
        return refused_document_response(opened, action_id, error, typed_region)
    return saved_panel_response(opened, posted, typed, merged, choices)


@editor
@require_POST
def save_inputs(request: Request, slug: str) -> HttpResponse:
    """Name and inputs of the flow: the panel of Start."""
    opened, choices = OpenFlow.find(request, slug), choices_in(request.POST)
    form = StartForm(opened.shown_document, request.POST)
    if not form.is_valid():
        return invalid_start_response(opened, form, choices)
    try:
        typed = form.apply()
        note = edited_note("Inputs", opened.shown_document, typed)
        merged = opened.commit(without_undecided(typed, opened, None, choices), note=note)
    except Conflict:
        return conflict_response(opened)
    except DocumentError as error:
        return refused_document_response(opened, START, error, start_region(opened, form))
    return saved_start_response(opened, typed, merged, choices)


@editor
@require_POST
def insert(request: Request, slug: str) -> HttpResponse:
    """Puts a new action of the posted type into the flow."""
    type = request.POST.get("type", "")
    try:
        registry.action_type(type)
    except registry.UnknownAction:
        raise Http404(f"There is no action type {type!r}.") from None
    return edit_tree(request, slug, partial(tree.insert, type=type, posted=request.POST))


@reader
@require_GET
def copy(request: Request, slug: str) -> HttpResponse:
    """The chosen actions as text for the clipboard."""
    opened = OpenFlow.find(request, slug)
    try:
        text = copied_text(opened.document, chosen_in(request.GET))
    except Vanished:
        return vanished_response(opened)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@editor
@require_POST
def paste(request: Request, slug: str) -> HttpResponse:
    """Puts what was copied, here or elsewhere, into the flow."""
    known = partial(stored_keys, find_flow(request, slug))
    return edit_tree(request, slug, partial(paste_text, posted=form_data(request), known=known))


@reader
@require_GET
def insert_menu(request: Request, slug: str) -> HttpResponse:
    """The action types to choose from, for one place of the chart."""
    flow = OpenFlow.find(request, slug).flow
    place = {name: request.GET.get(name, "") for name in ("owner", "branch", "at")}
    return page(request, "designer/_insert_menu.html", {"flow": flow, "toolbox": toolbox(), "place": place})


@editor
@require_POST
def change(request: Request, slug: str, action_id: str, verb: str) -> HttpResponse:
    """Does something with an action, or with all that are chosen when it is one of them: see `tree.VERBS`."""
    edit = tree.VERBS.get(verb)
    if edit is None:
        raise Http404(f"There is no verb {verb!r}.")
    chosen = chosen_in(request.POST)
    ids = [action_id, *(id for id in chosen if id != action_id)] if action_id in chosen else [action_id]
    try:
        return edit_tree(request, slug, lambda document: edit(document, ids, form_data(request)))
    except registry.UnknownAction as unknown:
        raise Http404(f"There is no container of type {unknown}.") from None


def chosen_in(posted: QueryDict) -> list[str]:
    """Ids of the actions that are chosen on the page."""
    return [id for id in posted.get("chosen", "").split(",", MOST_ACTIONS) if id]


def edit_tree(request: Request, slug: str, edit: Callable[[Document], tree.TreeEdit]) -> HttpResponse:
    """Commits one edit of the tree, and answers with what it changed of the chart."""
    opened = OpenFlow.find(request, slug)
    try:
        made = edit(opened.shown_document)
        merged = opened.commit(made.document, note=made.said.rstrip("."))
    except Vanished:
        return vanished_response(opened)
    except Conflict:
        return conflict_response(opened)
    except DocumentError as error:
        return impossible_response(opened, "; ".join(error.problems))
    selected = still_selected(opened) if made.selected is None else merged.renamed.get(made.selected, made.selected)
    if made.new or selected != opened.new_action:
        opened.new_action = merged.renamed.get(made.new, made.new)
    chosen = [merged.renamed.get(id, id) for id in made.chosen]
    is_gone = chosen and all(opened.document.find(id) is None for id in chosen)
    if is_gone or (selected not in ("", START) and opened.document.find(selected) is None):
        return vanished_response(opened)
    return tree_response(opened, selected, merged, ChartWords(made.said, chosen, stays=made.asks))


@editor
@require_POST
def undo(request: Request, slug: str) -> HttpResponse:
    return change_revision(request, slug, OpenFlow.undo, "Took back")


@editor
@require_POST
def redo(request: Request, slug: str) -> HttpResponse:
    return change_revision(request, slug, OpenFlow.redo, "Did again")


def change_revision(
    request: Request, slug: str, step: Callable[[OpenFlow], RevisionStep | None], verb: str
) -> HttpResponse:
    """Takes back what the person did last, or does it again, and answers with what it changed of the chart."""
    opened = OpenFlow.find(request, slug)
    try:
        taken = step(opened)
    except Conflict:
        return conflict_response(opened)
    except NotTakenBack as error:
        return refused_undo_response(opened, error)
    return tree_response(
        opened, still_selected(opened), MergedDocument(opened.document), words_of_step(opened, taken, verb)
    )


def words_of_step(opened: OpenFlow, taken: RevisionStep | None, verb: str) -> ChartWords:
    """ "Took back: Answer moved up.", or what somebody else did."""
    if taken is None:
        return ChartWords()
    revision = opened.flow.revisions.defer("document").select_related("created_by").get(pk=taken.pk)
    is_foreign = taken.author not in (None, opened.request.user.pk)
    whose = f" what {first_name(revision.created_by)} did" if is_foreign else ""
    return ChartWords(f"{verb}{whose}: {deed_of(revision.note)}." if revision.note else f"{verb}{whose}.")


@reader
@require_GET
def connection_field(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The select after a connection was created in place, the new one chosen."""
    opened = OpenFlow.find(request, slug)
    action = opened.document.find(action_id)
    if action is None:
        return vanished_response(opened)
    panel, name = stored_panel(opened, action), request.GET.get("property", "connection")
    if panel.form is None or not isinstance(panel.form.fields.get(name), ConnectionPropertyField):
        raise Http404(f"{action_id} has no connection.")
    context = {"panel": panel, "field": panel.form[name], "chosen": request.GET.get("name", "")}
    return regions(request, Region("properties/_connection_select.html", "connection-select", context))
