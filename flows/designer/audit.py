"""Edits of a flow in the words of the audit log: which properties of which actions, and never their values."""

from __future__ import annotations

from django.http import HttpRequest

from flows.flowchart.labels import first_of, label_of, title_of
from flows.language.document import Document, DocumentError
from flows.language.flat import ADDED, MOVED, REMOVED, Change, changes
from flows.models import Flow, Revision
from flows.models.audit import flow_subject
from foundryflow.audit.record import Repeats, origin_of, record

MOST_NAMED = 3  # properties or actions
DEEDS = {ADDED: "new", REMOVED: "removed", MOVED: "moved"}


def record_edit(request: HttpRequest, flow: Flow, before: Revision, made: Revision) -> None:
    """What is typed saves itself: the edits of one person within ten minutes are one entry, of the last of them."""
    words = edit_words(before, made)
    said = f": {words}, r{made.number}" if words else f": r{made.number}"
    data = {"revision": made.number, "before": before.number}
    record(
        origin_of(request),
        "changed",
        flow_subject(flow),
        said,
        data=data,
        repeats=Repeats(counted="changes", apart=f"flow {flow.pk}"),
    )


def record_step(request: HttpRequest, flow: Flow, verb: str) -> None:
    record(origin_of(request), verb, flow_subject(flow), data={"revision": flow.current.number})


def edit_words(before: Revision, made: Revision) -> str:
    """ "model of Condense", "Answer removed", "3 properties of Condense", "2 actions"."""
    try:
        old, new = before.parsed(), made.parsed()
        found = changes(old, new)
    except DocumentError:
        return ""
    actions = list(dict.fromkeys(change.action_id for change in found))
    if not actions:
        return ""
    if len(actions) > 1:
        titles = first_of([title_of(id, new, old) for id in actions], MOST_NAMED)
        return ", ".join(titles)
    return words_of(actions[0], found, title_of(actions[0], new, old), new)


def words_of(action_id: str | None, found: list[Change], title: str, document: Document) -> str:
    """Of the changes of one action."""
    keys = [change.key for change in found]
    deed = next((words for key, words in DEEDS.items() if key in keys and (len(keys) == 1 or key != MOVED)), "")
    if deed:
        return f"{title} {deed}"
    action = document.find(action_id) if action_id else None
    labels = list(dict.fromkeys(label_of(action.type if action else "", key) for key in keys))
    said = ", ".join(labels) if len(labels) <= MOST_NAMED else f"{len(labels)} properties"
    return f"{said} of {title}"
