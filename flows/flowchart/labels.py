"""How actions, their properties and what was done to them are called in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from flows.actions import registry
from flows.flowchart.chart import type_view
from flows.language.document import Document
from flows.language.flat import Key, changes

EDITED = " edited"
MOST_NAMED = 3  # properties
LABELS = {"added": "new"}  # of keys that are no words themselves
SETTINGS = {"deadline": "deadline", "concurrency": "runs at the same time"}


def title_of(action_id: str | None, *documents: Document) -> str:
    if action_id is None:
        return "Start"
    found = next(filter(None, (document.find(action_id) for document in documents)), None)
    return (found.title or type_view(found.type).title) if found else action_id


def label_of(type: str, key: Key) -> str:
    """A property as the panel names it."""
    if key[0] == "properties" and len(key) > 1:
        known = registry.properties_of_type(type).get(key[1])
        label = known.label if known else key[1]
        return lower_first(label)
    if key[0] == "branches" and len(key) > 2:
        return f"{key[2]} of a branch"
    if key[0] == "inputs" and len(key) > 1:
        return f"input {key[1]}"
    return SETTINGS.get(key[1], key[1]) if len(key) > 1 and key[0] == "settings" else LABELS.get(key[0], key[0])


def first_of(names: Sequence[str], most: int) -> list[str]:
    """The first of several names, and how many more there are."""
    left = len(names) - most
    return [*names[:most], *([f"{left} more"] if left > 0 else [])]


def lower_first(label: str) -> str:
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def edited_note(what: str, before: Document, after: Document) -> str:
    """The note of a revision: "Answer edited: system prompt, model"."""
    found = changes(before, after)
    types = {id: action.type for id in {each.action_id for each in found} if id and (action := after.find(id))}
    labels = list(dict.fromkeys(label_of(types.get(each.action_id or "", ""), each.key) for each in found))
    if not labels:
        return f"{what}{EDITED}"
    return f"{what}{EDITED}: {', '.join(labels) if len(labels) <= MOST_NAMED else f'{len(labels)} changes'}"


def deed_of(note: str) -> str:
    """The note of a revision without which values it changed."""
    what, edited, _ = note.rpartition(f"{EDITED}: ")
    return f"{what}{EDITED}" if edited else note
