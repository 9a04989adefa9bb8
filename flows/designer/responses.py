"""What the designer answers to an edit: the regions it changed, or without htmx a page or the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from flows.designer.conflict import (
    Choices,
    FieldConflict,
    RemovedElsewhere,
    by_field,
    can_be_chosen,
    conflicts_after,
    with_mine,
)
from flows.designer.edits import property_form
from flows.designer.foreign_changes import (
    ForeignChange,
    Names,
    changes_since,
    first_name,
    notice_of,
    publication_notice,
)
from flows.designer.in_place.regions import feed_region
from flows.designer.in_place.run_bar import run_bar_region
from flows.designer.open_flow import NotTakenBack, OpenFlow
from flows.designer.panel import Panel, PostedPanel, stored_values, typed_panel
from flows.designer.regions import (
    SILENT,
    ChartWords,
    action_region,
    changed_chart_regions,
    chart_region,
    left_regions,
    message_regions,
    name_region,
    notice_region,
    page_context,
    panel_region,
    problems_regions,
    said_region,
    saved_region,
    start_region,
    stored_field_regions,
    variable_regions,
)
from flows.designer.start_form import StartForm
from flows.flowchart.chart import START
from flows.language.document import Document, DocumentError
from flows.language.flat import MOVED, REMOVED, changes, flatten
from flows.language.merge import Collision, MergedDocument
from flows.lint.visible import variables_at
from flows.models import Flow
from foundryflow.access import View
from foundryflow.http import Request
from foundryflow.regions import Region, page, regions

TOO_MANY = "Not saved: others are saving at this moment. Try again."
UNKNOWN_BASE = "Your step was not made: it is not known which revision this page shows. Here is the flow as it is."


def explain_broken_document(view: View) -> View:
    """The view, which answers with what is wrong when it meets a stored document that cannot be read."""

    @wraps(view)
    def explained(request: Request, slug: str, **place: Any) -> HttpResponse:
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


# What every answer renews


def renewed_regions(
    opened: OpenFlow, selected: str, found: Sequence[ForeignChange], saved: Region, rest: str = ""
) -> list[Region]:
    """Everything but the panel: what differs between what the page shows and what is current.

    `rest` is what the row about others says at its end.
    """
    parts = [*changed_chart_regions(opened, selected), *problems_regions(opened), *run_regions(opened), saved]
    shown = opened.shown_revision
    if shown is None or shown.unchecked_document.json.get("name") != opened.document.name:
        parts.append(name_region(opened))
    notice = notice_of(opened, found, rest)
    return [*parts, notice_region(notice)] if notice else parts


def run_regions(opened: OpenFlow) -> list[Region]:
    """That the run beside the flow is from an older revision now."""
    return [run_bar_region(opened)] if opened.shown_run is not None else []


def rest_of(merged: MergedDocument) -> str:
    return "The rest is merged with yours." if merged.collisions else "Merged with yours, nothing collided."


def news_response(opened: OpenFlow, selected: str) -> HttpResponse:
    """What others have changed since the page was renewed; its panel, too, where it is about that."""
    found = changes_since(opened)
    parts = renewed_regions(opened, selected, found, saved_region(opened))
    response_url = ""
    if selected and selected != START and opened.document.find(selected) is None:
        response_url = url_of(opened.flow)
        parts.append(panel_region(opened, ""))
    elif is_about(opened, selected):
        parts.append(panel_region(opened, selected))
    response = regions(opened.request, *parts)
    if response_url:
        response.headers["HX-Replace-Url"] = response_url
    return response


def publication_response(opened: OpenFlow) -> HttpResponse:
    """The tag that says what is published, and who did that."""
    context = {"flow": opened.flow, "revision": opened.flow.current, "said": ""}
    notice = publication_notice(opened)
    tag = Region("revisions/_tag.html", "revision-tag", context)
    return regions(opened.request, tag, *([notice_region(notice)] if notice else []))


def is_about(opened: OpenFlow, selected: str) -> bool:
    """Whether something of the open panel was changed before this request; by the person in another tab, too."""
    id, theirs = None if selected == START else selected, opened.theirs or opened.document
    return any(each.action_id == id and each.key != MOVED for each in changes(opened.shown_document, theirs))


def panel_response(opened: OpenFlow, selected: str) -> HttpResponse:
    """The panel of what was chosen, and what is new in the flow, so that both are of the same revision."""
    parts = [panel_region(opened, selected), *left_regions(opened)]
    if opened.is_live:
        parts.append(feed_region(opened, selected))
    if opened.shown_revision is not None and opened.shown_revision.pk != opened.flow.current.pk:
        parts = [*renewed_regions(opened, selected, changes_since(opened), saved_region(opened)), *parts]
    return regions(opened.request, *parts)


# Panels


def saved_panel_response(
    opened: OpenFlow, posted: PostedPanel, typed: Document, merged: MergedDocument, choices: Choices
) -> HttpResponse:
    """After a save: the card, the problems, the messages at the fields and the saved text; not what is typed.

    Fields are renewed that held a literal secret, since it is stored elsewhere now, and rows of variables. The whole
    panel is where others changed the same action.
    """
    action_id, found = posted.action.id, changes_since(opened)
    collided = [each.key for each in merged.collisions if can_be_chosen(each.key)]
    lost = [each for each in merged.collisions if not can_be_chosen(each.key)]
    if opened.document.find(action_id) is None:
        return removed_panel_response(opened, posted, typed, found)
    conflicts = conflicts_after(opened, action_id, collided, choices)
    state = waiting(conflicts) or refused_words(opened, lost, found, "Not all is saved")
    if not opened.request.htmx and not state:
        return redirect_to(opened.flow, action_id)
    parts = renewed_regions(opened, action_id, found, saved_region(opened, state), rest_of(merged))
    if conflicts or choices or is_about(opened, action_id):
        shown = with_mine(opened, typed, action_id, conflicts).locate(action_id).action
        form = property_form(shown, opened.panel_context(action_id))
        panel = Panel(opened, shown, form, stored_values(shown), conflicts=by_field(conflicts))
        return panel_or_page(opened, action_id, [action_region(panel), *parts], 409 if state else 200)
    return regions(opened.request, *parts, *field_regions(opened, posted, typed))


def field_regions(opened: OpenFlow, posted: PostedPanel, typed: Document) -> list[Region]:
    """Messages, and fields whose value is not what was typed."""
    action, mine = opened.document.locate(posted.action.id).action, typed.locate(posted.action.id).action
    declared = posted.form.property_fields() if posted.form else ()
    changed = [
        name
        for name, field in declared
        if field.rows_partial or action.properties.get(name) != mine.properties.get(name)
    ]
    panel = Panel(opened, action, posted.form, stored_values(action))
    return [*message_regions(panel), *stored_field_regions(opened, action, changed)]


def waiting(conflicts: Sequence[FieldConflict]) -> str:
    """What the saved text says while something is to be decided."""
    count = len(conflicts)
    return f"{count} field{'s wait' if count > 1 else ' waits'} for your choice, the rest is saved" if count else ""


def panel_or_page(opened: OpenFlow, selected: str, parts: Sequence[Region], status: int) -> HttpResponse:
    if not opened.request.htmx:
        return page_response(opened, selected, parts[0], status=status)
    return regions(opened.request, *parts, status=status)


def removed_panel_response(
    opened: OpenFlow, posted: PostedPanel, typed: Document, found: Sequence[ForeignChange]
) -> HttpResponse:
    """409: somebody removed the action while it was edited. What was typed stays, and can be put back."""
    if typed == opened.shown_document:
        return vanished_response(opened)
    ids = {posted.action.id, *owners_of(opened.shown_document, posted.action.id)}
    by = next((each for each in found if each.change.key == REMOVED and each.change.action_id in ids), None)
    mine = opened.flow.store_secrets(typed).locate(posted.action.id).action
    form = property_form(mine, opened.panel_context(mine.id))
    who = "You, in another tab," if by and by.author == opened.request.user else first_name(by.author if by else None)
    note = RemovedElsewhere(who, by.when if by else timezone.now())
    panel = Panel(opened, mine, form, stored_values(mine), removed=note)
    saved = saved_region(opened, "Not saved: the action was removed meanwhile", base=opened.base)
    return panel_or_page(opened, "", [action_region(panel, swap="outerMorph"), saved], 409)


def owners_of(document: Document, action_id: str) -> list[str]:
    places, found = flatten(document).places, []
    while action_id in places and (owner := places[action_id][0]) is not None:
        found.append(owner)
        action_id = owner
    return found


def invalid_panel_response(opened: OpenFlow, posted: PostedPanel, choices: Choices) -> HttpResponse:
    """422: nothing is saved, nothing typed is lost, each field says what is wrong."""
    panel = typed_panel(opened, posted, posted.action, posted.form)
    count = len(posted.errors)
    saved = saved_region(opened, f"Not saved: {count} field{'s' if count > 1 else ''} to correct", base=opened.base)
    if opened.request.htmx:
        return regions(opened.request, *message_regions(panel), saved, status=422)
    panel.conflicts = by_field(conflicts_after(opened, posted.action.id, [], choices))
    return page_response(opened, posted.action.id, action_region(panel), status=422)


def refused_document_response(opened: OpenFlow, selected: str, error: DocumentError, typed: Region) -> HttpResponse:
    """422: the flow with what was `typed` would be more than one may hold. Nothing is saved, and nothing is lost."""
    sentence = f"Not saved: {'; '.join(error.problems)}"
    if opened.request.htmx:
        return regions(opened.request, saved_region(opened, sentence, base=opened.base), status=422)
    messages.error(opened.request, sentence)
    return page_response(opened, selected, typed, status=422)


def saved_start_response(opened: OpenFlow, typed: Document, merged: MergedDocument, choices: Choices) -> HttpResponse:
    """After a save of name, inputs and limits."""
    found = changes_since(opened)
    collided = [collision.key for collision in merged.collisions if collision.action_id is None]
    conflicts = conflicts_after(opened, None, collided, choices)
    if not conflicts:
        return tree_response(opened, START, merged)
    form = StartForm(with_mine(opened, typed, None, conflicts))
    form.conflicts = by_field(conflicts)
    parts = renewed_regions(opened, START, found, saved_region(opened, waiting(conflicts)), rest_of(merged))
    return panel_or_page(opened, START, [start_region(opened, form), *parts], 409)


def invalid_start_response(opened: OpenFlow, form: StartForm, choices: Choices) -> HttpResponse:
    form.conflicts = by_field(conflicts_after(opened, None, [], choices))
    panel = start_region(opened, form)
    if not opened.request.htmx:
        return page_response(opened, START, panel, status=422)
    saved = saved_region(opened, "Not saved: see Start", base=opened.base)
    return regions(opened.request, panel, saved, status=422)


def page_response(opened: OpenFlow, selected: str, panel: Region, *, status: int) -> HttpResponse:
    """The whole page with this panel in it."""
    return page(opened.request, "designer/designer.html", page_context(opened, selected, panel), status=status)


# The tree


def tree_response(opened: OpenFlow, selected: str, merged: MergedDocument, words: ChartWords = SILENT) -> HttpResponse:
    """What changed of the chart, and the panel, after the tree has changed; with what collided, 409."""
    found = changes_since(opened)
    state = refused_words(opened, merged.collisions, found)
    if not opened.request.htmx:
        if state:
            messages.warning(opened.request, state)
        return redirect_to(opened.flow, selected)
    saved, rest = saved_region(opened, state), "" if state else rest_of(merged)
    parts = [*renewed_regions(opened, selected, found, saved, rest), *said_regions(words, state)]
    parts += renewed_panel_regions(opened, selected)
    response = regions(opened.request, *parts, status=409 if state else 200)
    if selected != opened.request.POST.get("action", ""):
        response.headers["HX-Push-Url"] = url_of(opened.flow, selected)
    return response


def said_regions(words: ChartWords, state: str) -> list[Region]:
    return [said_region(words)] if words.said and not state else []


def renewed_panel_regions(opened: OpenFlow, selected: str) -> list[Region]:
    """The panel, where the page shows another one or one that says something else now; else, where other variables are
    in scope, what names them in it.
    """
    if is_panel_renewed(opened, selected):
        return [panel_region(opened, selected)]
    if not selected or variables_at(opened.shown_document, selected) == variables_at(opened.document, selected):
        return []
    return variable_regions(opened, opened.document.locate(selected).action)


def is_panel_renewed(opened: OpenFlow, selected: str) -> bool:
    """Whether the page shows another panel, or one that says something else now, whatever is in scope."""
    shown = opened.shown_revision
    if selected != opened.request.POST.get("action", "") or shown is None or selected == START:
        return True
    return bool(selected) and (
        is_about(opened, selected)
        or opened.problems_in(shown, opened.new_action_shown).of_action(selected) != opened.problems.of_action(selected)
    )


def refused_words(
    opened: OpenFlow, collisions: Sequence[Collision], found: Sequence[ForeignChange], what: str = "Not done"
) -> str:
    """Why an edit of the tree was not made, or not as a whole; nothing where it was."""
    if not collisions:
        return ""
    collision, names = collisions[0], Names(opened)
    inside = set(flatten(opened.document).within(collision.action_id or ""))
    by = next((each for each in found if each.change.action_id in inside), None)
    who = first_name(by.author) if by and by.author != opened.request.user else "another tab of yours"
    title, label = names.title(collision.action_id), names.label(collision.action_id, collision.key)
    match collision.key:
        case ("removed",) if opened.document.find(collision.action_id or "") is None:
            deed = f"removed {title} meanwhile"
        case ("removed",):
            deed = f"changed {title} meanwhile, so it stays. Remove it again to remove it all the same"
        case ("place",):
            deed = f"moved {title}, too"
        case _:
            deed = f"changed {label} of {title}, too"
    return f"{what}: {who} {deed}."


def refused_undo_response(opened: OpenFlow, error: NotTakenBack) -> HttpResponse:
    """409: others have changed what an undo would take back."""
    found = changes_since(opened, error.number)
    return refused_tree_response(opened, refused_words(opened, error.collisions, found, "Not undone"))


def conflict_response(opened: OpenFlow) -> HttpResponse:
    """409: the page names no revision, or others keep saving. The chart as it is now, and one sentence."""
    return refused_tree_response(opened, UNKNOWN_BASE if opened.shown_revision is None else TOO_MANY)


def vanished_response(opened: OpenFlow) -> HttpResponse:
    """409: what was to be changed was removed meanwhile. The chart as it is now, and one sentence."""
    response = refused_tree_response(opened, "This action was removed meanwhile. Here is the flow as it is.")
    if opened.request.htmx:
        response.headers["HX-Push-Url"] = url_of(opened.flow, still_selected(opened))
    return response


def refused_tree_response(opened: OpenFlow, sentence: str) -> HttpResponse:
    if not opened.request.htmx:
        messages.warning(opened.request, sentence)
        return redirect_to(opened.flow)
    selected = still_selected(opened)
    # Whatever the page shows, it is right again.
    chart = [chart_region(opened, selected), *problems_regions(opened), saved_region(opened, sentence)]
    chart += run_regions(opened)
    return regions(opened.request, *chart, name_region(opened), panel_region(opened, selected), status=409)


def impossible_response(opened: OpenFlow, sentence: str) -> HttpResponse:
    """422 for an edit of the tree that the document does not allow."""
    if opened.request.htmx:
        said = said_region(ChartWords(sentence, is_bad=True))
        return regions(opened.request, saved_region(opened, "Not done", base=opened.base), said, status=422)
    messages.error(opened.request, sentence)
    return redirect_to(opened.flow)


def still_selected(opened: OpenFlow) -> str:
    """What the page has selected, unless it was removed meanwhile."""
    selected = opened.request.POST.get("action", "")
    return selected if selected == START or opened.document.find(selected) is not None else ""


def url_of(flow: Flow, action_id: str = "") -> str:
    url = reverse("designer:show", args=[flow.slug])
    return f"{url}?action={action_id}" if action_id else url


def redirect_to(flow: Flow, action_id: str = "") -> HttpResponseRedirect:
    return redirect(url_of(flow, action_id))
