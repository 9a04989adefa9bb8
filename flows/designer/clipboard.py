"""Actions copied out of a flow as text, and pasted into one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from flows.actions.registry import properties_of_type
from flows.designer.tree import Ids, Posted, TreeEdit, names_of, place_posted
from flows.flowchart.labels import first_of, title_of
from flows.language.clipboard import (
    ClipboardError,
    MissingSecret,
    actions_in,
    clipboard_text,
    without_missing_secrets,
)
from flows.language.document import Document, DocumentError
from flows.language.selection import insert_all, roots_of, with_free_ids_only
from flows.lint.clashes import rename_clashes
from flows.lint.literal_secrets import refusals, without_literals
from flows.models import Flow

MOST_NAMED = 5  # secrets, variables


def copied_text(document: Document, ids: Ids) -> str:
    """The chosen actions as text, without literal secrets. Raises Vanished."""
    readable = without_literals(document, Flow.objects.secret_inputs)
    return clipboard_text(document.name, [located.action.json for located in roots_of(readable, ids)])


def stored_keys(flow: Flow) -> Collection[str]:
    """Of the secrets that the flow has in encrypted storage."""
    return set(flow.secrets.values_list("key", flat=True))


def paste_text(document: Document, posted: Posted, known: Callable[[], Collection[str]]) -> TreeEdit:
    """Puts the actions of the posted `text` into the document; `known` gives the keys of the secrets it may hold.

    Raises Vanished where the place is not there, and DocumentError with a sentence where the text is none of ours.
    """
    try:
        found = actions_in(posted.get("text", ""))
    except ClipboardError as error:
        raise DocumentError([str(error)]) from None
    actions, missing = without_missing_secrets(with_free_ids_only(found, document), known())
    ids = [str(action["id"]) for action in actions]
    changed, renamed = rename_clashes(insert_all(document, actions, *place_posted(document, posted)), ids)
    check_secrets(changed, document)
    said = [f"{names_of(changed, ids)} pasted.", *secret_words(missing, changed), *name_words(renamed)]
    return TreeEdit(changed, " ".join(said), chosen=ids, asks=len(said) > 1)


def check_secrets(changed: Document, document: Document) -> None:
    """Raises DocumentError where what is new would leave a secret in the document."""
    found = [
        sentence
        for place, sentence in refusals(changed, Flow.objects.secret_inputs)
        if is_new(place.action_id, document)
    ]
    for action in (located.action for located in changed.walk() if is_new(located.action.id, document)):
        properties = properties_of_type(action.type).items()
        found += [
            f"{property.label}: {why}"
            for name, property in properties
            if (why := property.refuse(action.properties.get(name)))
        ]
    if found:
        raise DocumentError([f"Not pasted. {found[0]}"])


def is_new(action_id: str | None, document: Document) -> bool:
    return action_id is not None and document.find(action_id) is None


def secret_words(missing: Sequence[MissingSecret], document: Document) -> list[str]:
    """Which secrets did not come along."""
    if not missing:
        return []
    named = first_of(list(dict.fromkeys(secret_name(each, document) for each in missing)), MOST_NAMED)
    return [f"Secrets are left out: {', '.join(named)}. Type them again, or choose variables."]


def secret_name(missing: MissingSecret, document: Document) -> str:
    action = document.locate(missing.action_id).action
    property = properties_of_type(action.type).get(missing.property)
    label = property.label if property else missing.property
    return f"{missing.name or label} of {title_of(action.id, document)}"


def name_words(renamed: Mapping[str, str]) -> list[str]:
    if not renamed:
        return []
    pairs = first_of([f"{old} is {new}" for old, new in renamed.items()], MOST_NAMED)
    return [f"Set before already, so here {', '.join(pairs)}."]
