"""What others have changed since the revision that a page shows: who, what, from what to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from flows.actions import registry
from flows.designer.open_flow import OpenFlow
from flows.flowchart.chart import START
from flows.flowchart.labels import first_of, label_of, title_of
from flows.language.document import DocumentError
from flows.language.flat import ADDED, MOVED, REMOVED, Change, Key, Where, changes
from flows.language.stored_secrets import is_stored
from flows.lint.literal_secrets import secrets_of
from flows.models import Flow, Publication, Revision
from foundryflow.names import name_of
from foundryflow.templatetags.ui import initials

MOST_STEPS = 30  # revisions that are compared one by one
LONGEST_VALUE = 60  # characters that a row has room for
MOST_NAMED = 3  # actions, properties


@dataclass(frozen=True)
class ForeignChange:
    """One change, and the revision in which it was made last."""

    change: Change
    author: User | None
    when: datetime
    number: int


@dataclass(frozen=True)
class ChangedValue:
    """A property as the row names it; without its values where they are long, many or secret."""

    label: str
    before: str = ""
    after: str = ""
    stop: str = "."  # what follows it

    @property
    def words(self) -> str:
        return f"{self.label}{',' if self.after else self.stop}"


@dataclass(frozen=True)
class CardMark:
    """What a card says until it is opened: by whom, and what."""

    action_id: str
    initials: str
    label: str
    who: str


@dataclass(frozen=True)
class MergeNotice:
    """The row on top of the chart."""

    initials: str
    sentence: str
    values: Sequence[ChangedValue] = ()
    rest: str = ""  # what follows
    show: str = ""  # the action to select
    marks: Sequence[CardMark] = ()


def first_name(user: User | None) -> str:
    return (user.first_name or name_of(user)) if user else "Somebody"


def changes_since(opened: OpenFlow, number: int | None = None) -> list[ForeignChange]:
    """By everybody but this request, since revision `number`, or the one that the page shows."""
    base = number or opened.base
    steps = opened.history.between(base)[-MOST_STEPS:] if base not in (0, opened.flow.current.number) else []
    if all(made_by.number == opened.committed for *_, made_by in steps):
        return []
    keys = {step.pk for way in steps for step in way}
    revisions = opened.flow.revisions.select_related("created_by").in_bulk(keys)
    if len(revisions) < len(keys):
        return []
    last: dict[Where, Revision] = {}
    try:
        for before, after, made_by in steps:
            for change in changes(revisions[before.pk].parsed(), revisions[after.pk].parsed()):
                last[change.action_id, change.key] = revisions[made_by.pk]
        net = changes(revisions[steps[0][0].pk].parsed(), opened.document)
    except DocumentError:  # from before a rule
        return []
    made = ((change, last.get((change.action_id, change.key))) for change in net)
    return [
        ForeignChange(change, by.created_by, by.created_at, by.number)
        for change, by in made
        if by is not None and by.number != opened.committed
    ]


def notice_of(opened: OpenFlow, found: Sequence[ForeignChange], rest: str = "") -> MergeNotice | None:
    """The row about what others than this person have changed."""
    others = [each for each in found if each.author != opened.request.user]
    if not others:
        return None
    people = list(dict.fromkeys(first_name(each.author) for each in others))
    order = {located.action.id: number for number, located in enumerate(opened.document.walk())}
    actions = list(dict.fromkeys(each.change.action_id for each in others))
    actions.sort(key=lambda id: order.get(id, len(order)) if id is not None else -1)
    names = Names(opened)
    newest = max(others, key=lambda each: each.number)
    who = " and ".join([", ".join(people[:-1]), people[-1]]) if people[1:] else people[0]
    at = f"{timezone.localtime(newest.when):%H:%M}"
    values = values_of(others, actions, names)
    there = [id for id in actions if id is None or opened.document.find(id) is not None]
    return MergeNotice(
        initials=initials(newest.author) if newest.author else "?",
        sentence=f"{sentence_of(who, at, others, actions, names)}{':' if values else '.'}",
        values=values,
        rest=rest,
        show=(there[0] or START) if there else "",
        marks=[mark_of(id, [each for each in others if each.change.action_id == id], names) for id in there],
    )


def publication_notice(opened: OpenFlow) -> MergeNotice | None:
    """The row about somebody else who published a revision last."""
    newest = Publication.objects.newest_of(opened.flow)
    if newest is None or newest.published_by == opened.request.user:
        return None
    who, at = first_name(newest.published_by), f"{timezone.localtime(newest.published_at):%H:%M}"
    sentence = f"{who} published r{newest.revision.number} at {at}."
    who_in_short = initials(newest.published_by) if newest.published_by else "?"
    return MergeNotice(who_in_short, sentence, rest=newest.note)


def sentence_of(who: str, at: str, found: Sequence[ForeignChange], actions: Sequence[str | None], names: Names) -> str:
    if len(actions) > 1:
        count = len([id for id in actions if id is not None])
        what = [f"{count} action{'s' if count > 1 else ''}"] if count else []
        return f"{who} changed {' and '.join([*what, *(['Start'] if None in actions else [])])} at {at}"
    verbs = {ADDED: "added", REMOVED: "removed", MOVED: "moved"}
    keys = [each.change.key for each in found]
    verb = next((verb for key, verb in verbs.items() if key in keys and (len(keys) == 1 or key == ADDED)), "changed")
    return f"{who} {verb} {names.title(actions[0])} at {at}"


def values_of(found: Sequence[ForeignChange], actions: Sequence[str | None], names: Names) -> list[ChangedValue]:
    """What was changed: the actions where there are several, else the properties of the one."""
    changed = [each.change for each in found]
    if len(actions) > 1:
        return values_named([names.title(id) for id in actions])
    if any(change.key in (ADDED, REMOVED) for change in changed) or (len(changed) == 1 and changed[0].key == MOVED):
        return []
    if len(changed) == 1:
        return [names.value(changed[0])]
    return values_named([names.label(each.action_id, each.key) for each in changed])


def values_named(labels: Sequence[str]) -> list[ChangedValue]:
    """The first of them, with commas between."""
    *rest, last = first_of(labels, MOST_NAMED)
    return [*(ChangedValue(label, stop=",") for label in rest), ChangedValue(last)]


def mark_of(id: str | None, found: Sequence[ForeignChange], names: Names) -> CardMark:
    labels = list(dict.fromkeys(names.label(id, each.change.key) for each in found))
    last = found[-1].author
    label = labels[0] if len(labels) == 1 else "new" if "new" in labels else f"{len(labels)} changes"
    return CardMark(id or START, initials(last) if last else "?", label, first_name(last))


class Names:
    """How actions and their properties are called, and which values may be shown."""

    def __init__(self, opened: OpenFlow) -> None:
        self._documents = [opened.document, *([opened.shown_revision.parsed()] if opened.shown_revision else [])]
        secret_inputs = Flow.objects.secret_inputs
        self._secret = {
            (place.action_id, place.property)
            for document in self._documents
            for place, value in secrets_of(document, secret_inputs)
            if value not in (None, "")
        }

    def title(self, action_id: str | None) -> str:
        return title_of(action_id, *self._documents)

    def label(self, action_id: str | None, key: Key) -> str:
        return label_of(self._type(action_id), key)

    def value(self, change: Change) -> ChangedValue:
        label = self.label(change.action_id, change.key)
        if self.is_hidden(change.action_id, change.key, change.before, change.after):
            return ChangedValue(label)
        before, after = short(change.before), short(change.after)
        return ChangedValue(label) if before is None or after is None else ChangedValue(label, before, after)

    def is_hidden(self, action_id: str | None, key: Key, *values: Any) -> bool:
        """Whether a secret is in it, or may be."""
        if key[0] in ("inputs", "retry") or any(is_stored(value) for value in values):
            return True
        if key[0] != "properties" or len(key) < 2:
            return False
        known = registry.properties_of_type(self._type(action_id)).get(key[1])
        return (
            known is None
            or known.is_secret
            or known.may_hold_secret
            or (action_id, key[1]) in self._secret
            or any(known.is_write_only(value) for value in values if value)
        )

    def _type(self, action_id: str | None) -> str:
        found = (document.find(action_id) for document in self._documents) if action_id else ()
        return next((action.type for action in found if action is not None), "")


def short(value: Any) -> str | None:
    """A value for the row; None when it is too long, or no single value."""
    if value is None or value is False or (not value and not isinstance(value, int | float)):
        return "empty"
    if value is True:
        return "on"
    if isinstance(value, Mapping | list):
        return None
    text = f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= LONGEST_VALUE else None
