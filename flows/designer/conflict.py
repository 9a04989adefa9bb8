"""What two people have changed at the same time, each to something else: both values, and the choice between them.

What is not chosen yet travels with the panel as `undecided`: the number of the revision in which others changed it, and
the key of the property. While it does, the panel shows mine and the flow has theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import QueryDict

from flows.designer.foreign_changes import ForeignChange, Names, changes_since, first_name
from flows.designer.open_flow import OpenFlow
from flows.language.document import Document
from flows.language.flat import ABSENT, Key, Where, flatten
from flows.language.merge import with_value_of
from flows.language.stored_secrets import is_stored
from foundryflow.http import whole_number

LONGEST = 200  # characters of a value in a sentence
LONGEST_TEXT = 20_000  # of one that is shown by itself
MOST_UNDECIDED = 100
KEYS = re.compile(
    r"(title|description|retry|timeout|name)|(properties|inputs|settings)\..+|branches\..+\.(title|condition)"
)


@dataclass(frozen=True)
class FieldConflict:
    """What the note inside a field says."""

    key: Key
    who: str
    when: datetime
    number: int  # of the revision
    theirs: str
    is_long: bool = False
    is_secret: bool = False

    @property
    def form_value(self) -> str:
        return f"{self.number}:{'.'.join(self.key)}"

    @property
    def field(self) -> str:
        """The field of the panel that it stands in."""
        match self.key:
            case ("retry",):
                return "attempts"
            case ("branches", id, _):
                return f"branch-{id}-condition"
            case ("properties" | "settings", name):
                return name
            case ("inputs", name):
                return f"input-{name}"
        return self.key[0]


@dataclass(frozen=True)
class RemovedElsewhere:
    """What the note on top of the panel says of an action that somebody removed while it was edited."""

    who: str
    when: datetime


@dataclass(frozen=True)
class Choices:
    """What was posted about conflicts: keys not decided yet, with the revision of theirs; those decided for theirs."""

    undecided: Mapping[Key, int]
    theirs: Sequence[Key]
    has_kept: bool  # others were decided for mine

    def __bool__(self) -> bool:
        return bool(self.undecided or self.theirs or self.has_kept)


def can_be_chosen(key: Key) -> bool:
    """Whether there is a field to ask in; a branch that is gone has none."""
    return KEYS.fullmatch(".".join(key)) is not None


def choices_in(data: QueryDict) -> Choices:
    kept = set(data.getlist("keep"))
    theirs = [text for text in data.getlist("take") if text]
    undecided = dict(parse_keys(data.getlist("undecided"), without={*kept, *theirs}))
    return Choices(undecided, [key for key, _ in parse_keys(theirs)], bool(kept))


def parse_keys(texts: Sequence[str], without: Iterable[str] = ()) -> list[tuple[Key, int]]:
    found = []
    for text in texts[:MOST_UNDECIDED]:
        number, _, key = text.partition(":")
        if text not in without and (known := whole_number(number)) and KEYS.fullmatch(key):
            found.append((tuple(key.split(".", 2 if key.startswith("branches") else 1)), known))
    return found


def without_undecided(changed: Document, opened: OpenFlow, action_id: str | None, choices: Choices) -> Document:
    """What is to be saved of the posted document: what is not decided stays as it is stored, and so does theirs."""
    for key in [*choices.undecided, *choices.theirs]:
        changed = with_value_of(changed, opened.shown_document, action_id, key)
    return changed


def with_mine(opened: OpenFlow, typed: Document, action_id: str | None, conflicts: Iterable[FieldConflict]) -> Document:
    """What the panel shows: the flow as it is, but mine where it is not decided. Literal secrets of mine are stored."""
    conflicts = list(conflicts)
    if not conflicts:
        return opened.document
    shown, mine = opened.document, opened.flow.store_secrets(typed)
    for conflict in conflicts:
        shown = with_value_of(shown, mine, action_id, conflict.key)
    return shown


def field_conflicts(
    opened: OpenFlow, action_id: str | None, keys: Mapping[Key, int | None], found: Sequence[ForeignChange]
) -> list[FieldConflict]:
    """The notes for these keys, with the number of the revision of theirs where that is known already."""
    stored, names = flatten(opened.document).values, Names(opened)
    made_by = {(each.change.action_id, each.change.key): each for each in found}
    known = opened.flow.revisions.select_related("created_by").filter(number__in=[n for n in keys.values() if n])
    revisions = {revision.number: revision for revision in known} if any(keys.values()) else {}
    conflicts = []
    for key, number in keys.items():
        where: Where = (action_id, key)
        by = made_by.get(where)
        revision = revisions.get(number or 0) or opened.flow.current
        author, when, of = (
            (by.author, by.when, by.number) if by else (revision.created_by, revision.created_at, revision.number)
        )
        value = stored.get(where, ABSENT)
        is_own = author == opened.request.user
        is_text = isinstance(value, str) and (len(value) > LONGEST or "\n" in value)
        conflicts.append(
            FieldConflict(
                key,
                "You, in another tab," if is_own else first_name(author),
                when,
                of,
                value[:LONGEST_TEXT] if is_text else in_words(value),
                is_text,
                names.is_hidden(action_id, key, value) and key[0] == "properties",
            )
        )
    return conflicts


def conflicts_after(
    opened: OpenFlow, action_id: str | None, keys: Sequence[Key], choices: Choices
) -> list[FieldConflict]:
    """Of what collided now, and of what was not decided before."""
    open_keys: dict[Key, int | None] = {**choices.undecided, **dict.fromkeys(keys)}
    return field_conflicts(opened, action_id, open_keys, changes_since(opened)) if open_keys else []


def by_field(conflicts: Iterable[FieldConflict]) -> dict[str, list[FieldConflict]]:
    found: dict[str, list[FieldConflict]] = {}
    for conflict in conflicts:
        found.setdefault(conflict.field, []).append(conflict)
    return found


def in_words(value: Any) -> str:
    """A value as a sentence says it."""
    if value is ABSENT or value in (None, "", [], {}, False):
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
