"""Two values as rows of the page: short ones side by side, words of texts marked, lists and objects part by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from flows.language.diff import ValueDiff, is_equal
from flows.language.flat import ABSENT
from flows.language.stored_secrets import is_stored
from flows.revisions.shown_values import text_of
from flows.templatetags.diffs import prompt_words
from foundryflow.text_diff import DiffKind, DiffLine, DiffWork, diff_lines, fold_unchanged

MOST_LINES = 200  # of one value
LONGEST_SHORT = 80  # characters of a value that stands beside the other one
SIGNS = {DiffKind.ADDED: "+", DiffKind.REMOVED: "-", DiffKind.SAME: ""}
UNSHOWN = "Changed. A secret is not shown."


@dataclass(frozen=True)
class PromptLine:
    """A line of a text: `sign` is + or - where it came or went; without one it is there for the context."""

    sign: str
    words: SafeString | str
    is_folded: bool = False


@dataclass(frozen=True)
class DiffRow:
    """One value: `words` about it, its `lines`, or short ones. Of what only one side has: `text` as it is."""

    label: str
    words: str | SafeString = ""
    lines: Sequence[PromptLine] = ()
    more_lines: int = 0
    before: str = ""
    after: str = ""
    text: str | None = None

    @property
    def is_long(self) -> bool:
        return self.text is not None and ("\n" in self.text or len(self.text) > LONGEST_SHORT)


class ValueRows:
    """Makes rows; the texts of one page are compared with bounds for all of them together."""

    def __init__(self) -> None:
        self._work = DiffWork()

    def rows(self, label: str, stored: ValueDiff, shown: ValueDiff, *, is_prose: bool) -> Iterator[DiffRow]:
        """A row for each named part of a list or an object, else one; `shown` has no secrets, so that what changed is
        found among what is `stored`."""
        parts = [parts_of(each) for each in (stored.before, stored.after, shown.before, shown.after)]
        if any(each is None for each in parts) or not (parts[0] or parts[1]):
            yield self._leaf_row(label, shown.before, shown.after, is_prose=is_prose)
            return
        before, after, shown_before, shown_after = (each or {} for each in parts)
        names = list(dict.fromkeys([*after, *before]))
        changed = [name for name in names if not is_equal(before.get(name, ABSENT), after.get(name, ABSENT))]
        for name in changed:
            yield from self._part_rows(f"{label}: {name}", shown_before.get(name), shown_after.get(name))
        if not changed:
            yield DiffRow(f"Order of {label.lower()}", ", ".join(after))

    def _part_rows(self, label: str, before: Any, after: Any) -> Iterator[DiffRow]:
        """Of a row of values with a name, or of an entry of an object; None where it is not there."""
        if before is None and after is None:
            yield DiffRow(label, UNSHOWN)
        elif not isinstance(before or {}, Mapping) or not isinstance(after or {}, Mapping):
            yield self._leaf_row(label, before, after, is_prose=False)
        elif before is None or after is None:
            fields = ", ".join(
                f"{name} {text_of(value)}" for name, value in (before or after).items() if name != "name"
            )
            yield DiffRow(label, f"{'Added' if before is None else 'Removed'}: {shorten(fields)}")
        else:
            differing = [
                name for name in dict.fromkeys([*after, *before]) if not is_equal(before.get(name), after.get(name))
            ]
            for name in differing:
                part = label if name == "value" else f"{label}, {name}"
                yield self._leaf_row(part, before.get(name), after.get(name), is_prose=False)
            if not differing:
                yield DiffRow(label, UNSHOWN)

    def _leaf_row(self, label: str, before: Any, after: Any, *, is_prose: bool) -> DiffRow:
        if is_equal(before, after):
            return DiffRow(label, UNSHOWN)
        left, right = text_of(before), text_of(after)
        if left == right:
            return DiffRow(label, f"{right}: reads the same, and is another type of value")
        is_short = not any("\n" in text or len(text) > LONGEST_SHORT for text in (left, right))
        if is_short and not is_prose:
            return DiffRow(label, before=left, after=right)
        lines = fold_unchanged(diff_lines(left, right, self._work))
        shown = [prompt_line(line) for line in lines[:MOST_LINES]]
        return DiffRow(label, lines=shown, more_lines=max(0, len(lines) - MOST_LINES))


def parts_of(value: Any) -> Mapping[str, Any] | None:
    """Rows by their names, or the entries of an object; None for what is neither. What is not there has no parts."""
    if value is ABSENT or value is None:
        return {}
    if isinstance(value, Mapping):
        return None if is_stored(value) else value
    if isinstance(value, list) and all(isinstance(row, Mapping) and isinstance(row.get("name"), str) for row in value):
        rows = {row["name"]: row for row in value}
        return rows if len(rows) == len(value) else None
    return None


def shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_SHORT else f"{text[:LONGEST_SHORT]}…"


def prompt_line(line: DiffLine | int) -> PromptLine:
    if isinstance(line, int):
        return PromptLine("", f"{line:,} line{'' if line == 1 else 's'} the same", is_folded=True)
    return PromptLine(SIGNS[line.kind], prompt_words(line))
