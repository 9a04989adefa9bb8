"""A difference of two revisions as the page shows it: an entry an action, a row a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from flows.actions import registry
from flows.flowchart.chart import TypeView, type_view
from flows.flowchart.labels import label_of, title_of
from flows.language.diff import ActionDiff, Deed, DocumentDiff, ValueDiff
from flows.language.document import Document
from flows.language.flat import ABSENT, Key
from flows.revisions.shown_values import ShownValues, text_of
from flows.revisions.value_rows import DiffRow, ValueRows

MOST_ENTRIES = 500
MOST_NAMED = 30  # actions that are the same
PROSE = ("long_text", "sql")  # kinds whose words are told apart, however short
WHOLES = {"inputs": "Order of inputs", "branches": "Order of branches"}


@dataclass(frozen=True)
class DiffEntry:
    """What became of one action, or of Start."""

    action_id: str
    title: str
    view: TypeView | None  # None: of Start
    deed: Deed
    summary: str  # "4 properties changed"
    rows: Sequence[DiffRow]
    held: Sequence[DiffRow] = ()  # of an action that only one side has: folded
    is_in_draft: bool = True


class DiffView:
    """`draft` is what the designer shows: entries lead to the actions that are in it."""

    def __init__(self, before: Document, after: Document, draft: Document) -> None:
        self.before, self.after, self.draft = before, after, draft
        self.diff = DocumentDiff(before, after)
        self._shown = ShownValues(before, after)
        self._values = ValueRows()

    @cached_property
    def entries(self) -> list[DiffEntry]:
        return [self._entry(found) for found in self.diff.entries[:MOST_ENTRIES]]

    @property
    def hidden_count(self) -> int:
        return max(0, len(self.diff.entries) - MOST_ENTRIES)

    @cached_property
    def same(self) -> list[str]:
        """Titles of the actions that both have alike."""
        return [title_of(id, self.after) for id in self.diff.same]

    @property
    def same_words(self) -> str:
        left = len(self.same) - MOST_NAMED
        return ", ".join([*self.same[:MOST_NAMED], *([f"{left} more"] if left > 0 else [])])

    @property
    def summary(self) -> str:
        """ "4 actions differ: 1 added, 2 changed, 1 removed. 5 are the same." """
        found = self.diff.entries
        kinds = Counter("moved" if each.is_moved and not each.values else str(each.deed) for each in found)
        counts = ", ".join(f"{kinds[kind]} {kind}" for kind in ("added", "changed", "moved", "removed") if kinds[kind])
        same = len(self.diff.same)
        differ = f"{len(found)} action{'' if len(found) == 1 else 's'} differ{'s' if len(found) == 1 else ''}: {counts}"
        return f"{differ}. {same} {'is' if same == 1 else 'are'} the same."

    def _entry(self, found: ActionDiff) -> DiffEntry:
        id = found.action_id
        title = title_of(id, self.after, self.before)
        if id is None:
            rows = list(self._flow_rows(found.values))
            return DiffEntry("start", title, None, found.deed, count_words(found), rows)
        action = self.after.find(id) or self.before.find(id)
        view = type_view(action.type if action else "")
        is_in_draft = self.draft.find(id) is not None
        if found.deed is not Deed.CHANGED:
            document = self.after if found.deed is Deed.ADDED else self.before
            held = [self._held_row(document, id, each) for each in found.values if each.key != ("type",)]
            row = DiffRow("Place", place_words(document, id, with_variables=found.deed is Deed.ADDED))
            return DiffEntry(id, title, view, found.deed, str(found.deed).capitalize(), [row], held, is_in_draft)
        rows = [row for each in found.values for row in self._rows(id, each)]
        if found.is_moved:
            old, new = place_words(self.before, id), place_words(self.after, id)
            words = format_html("{}, before {}", new, old) if old != new else new
            rows.insert(0, DiffRow("Place", words))
        return DiffEntry(id, title, view, found.deed, self._summary_of(found), rows, is_in_draft=is_in_draft)

    def _summary_of(self, found: ActionDiff) -> str:
        if len(found.values) == 1 and not found.is_moved:
            key = found.values[0].key
            if key[0] == "branches" and key[-1] == "condition":
                return "Condition changed"
            return f"{self._label(found.action_id or '', key)} changed" if len(key) < 3 else "1 property changed"
        return count_words(found)

    # Rows

    def _rows(self, id: str, value: ValueDiff) -> Iterator[DiffRow]:
        key, label = value.key, self._label(id, value.key)
        if len(key) == 1 and key[0] == "branches":
            yield DiffRow(label, self._order_words(id, value.after))
        elif len(key) == 2 and key[0] == "branches":
            yield DiffRow(label, "Branch added" if value.before is ABSENT else "Branch removed")
        else:
            before = self._shown.of_action(self.before.find(id), key)
            after = self._shown.of_action(self.after.find(id), key)
            is_prose = self._kind(id, key) in PROSE
            yield from self._values.rows(label, value, ValueDiff(key, before, after), is_prose=is_prose)

    def _held_row(self, document: Document, id: str, value: ValueDiff) -> DiffRow:
        return DiffRow(self._label(id, value.key), text=text_of(self._shown.of_action(document.find(id), value.key)))

    def _flow_rows(self, values: Sequence[ValueDiff]) -> Iterator[DiffRow]:
        for value in values:
            key = value.key
            if key[0] != "inputs":
                shown = ValueDiff(key, self._shown.of_flow(value.before), self._shown.of_flow(value.after))
                yield from self._values.rows(capfirst(label_of("", key)), value, shown, is_prose=False)
            elif len(key) == 1:
                yield DiffRow(WHOLES["inputs"], ", ".join(map(str, value.after)))
            else:
                yield from self._input_rows(value)

    def _input_rows(self, value: ValueDiff) -> Iterator[DiffRow]:
        name = value.key[1]
        before, after = (self._shown.of_input(declared_in(document, name)) for document in (self.before, self.after))
        if len(value.key) == 2:
            declared = after or before
            required = ", required" if declared.get("required") else ""
            yield DiffRow(name, f"Input {'added' if after else 'removed'}: {declared.get('type') or 'text'}{required}")
            return
        field = value.key[2]
        shown = ValueDiff(value.key, before.get(field, ABSENT), after.get(field, ABSENT))
        yield from self._values.rows(f"{name}: {field.replace('_', ' ')}", value, shown, is_prose=False)

    def _order_words(self, id: str, order: Sequence[str]) -> str:
        action = self.after.find(id)
        titles = {branch.id: branch.title or "Otherwise" for branch in (action.branches if action else ())}
        return ", ".join(titles.get(branch, branch) for branch in order)

    def _label(self, id: str, key: Key) -> str:
        if len(key) == 1:
            return WHOLES.get(key[0], capfirst(label_of("", key)))
        if key[0] == "branches":
            title = self._branch_title(id, key[1])
            return title if len(key) == 2 or key[2] == "condition" else f"{capfirst(key[2])} of {title}"
        return capfirst(label_of(self._type(id), key))

    def _branch_title(self, id: str, branch_id: str) -> str:
        for document in (self.after, self.before):
            action = document.find(id)
            for branch in action.branches if action else ():
                if branch.id == branch_id:
                    return branch.title or ("If" if branch.condition else "Otherwise")
        return branch_id

    def _kind(self, id: str, key: Key) -> str:
        known = registry.properties_of_type(self._type(id)).get(key[1]) if key[0] == "properties" else None
        return known.kind if known else ""

    def _type(self, id: str) -> str:
        action = self.after.find(id) or self.before.find(id)
        return action.type if action else ""


def count_words(found: ActionDiff) -> str:
    count = len(found.values)
    changed = f"{count} propert{'y' if count == 1 else 'ies'} changed" if count else ""
    return ", ".join(filter(None, ["Moved" if found.is_moved else "", changed]))


def declared_in(document: Document, name: str) -> Any:
    return next((declared.json for declared in document.inputs if declared.name == name), None)


def place_words(document: Document, id: str, *, with_variables: bool = False) -> SafeString:
    """Where an action stands: after which one, in which lane of which container, and what it sets."""
    located = document.locate(id)
    siblings = located.branch.actions if located.branch else document.actions
    where = format_html("after <b>{}</b>", title_of(siblings[located.at - 1].id, document)) if located.at else "first"
    if located.owner and located.branch:
        lane = f"{located.branch.title} of " if located.branch.title and len(located.owner.branches) > 1 else ""
        where = format_html("{} in {}<b>{}</b>", where, lane, title_of(located.owner.id, document))
    properties = registry.properties_of_type(located.action.type).items() if with_variables else ()
    names = [name for key, known in properties for name, _, _ in known.declares(located.action.properties.get(key))]
    if not names:
        return format_html("{}", where)
    chips = format_html_join(", ", '<code class="chip">{}</code>', ((name,) for name in names))
    return format_html("{}, sets {}", where, chips)
