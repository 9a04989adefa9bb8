"""Two people have edited the same flow: what each of them wants, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.designer.property_form import PropertyForm
from flows.language.document import Action, Document
from flows.language.stored_secrets import is_stored
from flows.models import Revision
from foundryflow.people import name_of

LONGEST = 200  # characters of a value

Difference = tuple[str, str, str]  # label, mine, theirs
Pair = tuple[str, Any, Any]  # the same before the values are put into words


@dataclass(frozen=True)
class EditConflict:
    """Somebody committed meanwhile: who, when, and both versions of each property that differs."""

    who: str
    when: datetime
    number: int  # of their revision
    selected: str  # the action, or Start
    differences: Sequence[Difference]


def edit_conflict(theirs: Revision, selected: str, differences: Sequence[Difference]) -> EditConflict:
    return EditConflict(author_of(theirs), theirs.created_at, theirs.number, selected, differences)


def author_of(revision: Revision) -> str:
    return name_of(revision.created_by) or "Somebody"


def action_differences(mine: Action, theirs: Action, form: PropertyForm | None) -> list[Difference]:
    pairs: list[Pair] = [("Title", mine.title, theirs.title)]
    for name, declared in form.property_fields() if form is not None else ():
        pairs.append((str(declared.label), mine.properties.get(name), theirs.properties.get(name)))
    pairs += branch_pairs(mine, theirs)
    pairs.append(("Retry", mine.json.get("retry"), theirs.json.get("retry")))
    pairs.append(("Timeout", mine.timeout, theirs.timeout))
    pairs.append(("Disabled", mine.disabled, theirs.disabled))
    pairs.append(("Description", mine.description, theirs.description))
    return differences_in(pairs)


def branch_pairs(mine: Action, theirs: Action) -> list[Pair]:
    """Titles and conditions of the branches that both have."""
    known = {branch.id: branch for branch in theirs.branches}
    pairs: list[Pair] = []
    for number, branch in enumerate(mine.branches, 1):
        if other := known.get(branch.id):
            pairs.append((f"Title of branch {number}", branch.title, other.title))
            pairs.append((f"Condition of branch {number}", branch.condition, other.condition))
    return pairs


def start_differences(mine: Document, theirs: Document) -> list[Difference]:
    my_inputs, their_inputs = ({declared.name: declared.json for declared in each.inputs} for each in (mine, theirs))
    pairs: list[Pair] = [("Name", mine.name, theirs.name)]
    pairs += [(f"Input {name}", my_inputs.get(name), their_inputs.get(name)) for name in {**my_inputs, **their_inputs}]
    pairs.append(("Deadline", mine.deadline, theirs.deadline))
    pairs.append(("Runs at the same time", mine.concurrency, theirs.concurrency))
    return differences_in(pairs)


def differences_in(pairs: Sequence[Pair]) -> list[Difference]:
    return [
        (label, in_words(mine), in_words(theirs)) for label, mine, theirs in pairs if (mine or None) != (theirs or None)
    ]


def in_words(value: Any) -> str:
    """A value as a cell of the table says it."""
    if value in (None, "", [], {}, False):
        return "empty"
    if value is True:
        return "yes"
    if is_stored(value):
        return "a stored secret"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {in_words(each)}" for key, each in value.items() if each not in (None, "", []))[
            :LONGEST
        ]
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return "; ".join(map(in_words, value))[:LONGEST]
    return str(value)[:LONGEST]
