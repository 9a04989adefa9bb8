"""Two values or two figures side by side, with the words that differ marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from connections.secret import MASK
from flows.runs.values import beginning_of
from foundryflow.json_order import in_order
from foundryflow.templatetags.ui import pretty
from foundryflow.text_diff import diff_words, html_of

LONGEST = 40_000  # characters of a side that are compared
ABSENT = object()  # on a side that has no such value


@dataclass(frozen=True)
class ValuePair:
    """A value of both runs by its name; without one, a side is None."""

    name: str
    left: SafeString | str | None
    right: SafeString | str | None
    same: bool  # as far as can be seen
    is_cut: bool = False

    @property
    def is_masked(self) -> bool:
        """Whether both hold a secret, so that nobody knows whether they are the same."""
        return self.same and MASK in str(self.left)


@dataclass(frozen=True)
class FactPair:
    """Something that is said of both in a few words."""

    name: str
    left: str
    right: str

    @property
    def same(self) -> bool:
        return self.left == self.right


def value_pair(name: str, left: Any, right: Any) -> ValuePair:
    if left is ABSENT or right is ABSENT:
        sides = [None if side is ABSENT else text_of(side)[0] for side in (left, right)]
        return ValuePair(name, sides[0], sides[1], same=False)
    (before, cut_before), (after, cut_after) = text_of(left), text_of(right)
    if left == right:
        text = before if len(before) <= LONGEST else beginning_of(before)
        return ValuePair(name, text, text, same=True, is_cut=cut_before)
    lefts, rights = diff_words(before, after)
    marked = html_of(lefts, "<del>{}</del>"), html_of(rights, "<ins>{}</ins>")
    return ValuePair(name, *marked, same=False, is_cut=cut_before or cut_after)


def text_of(value: Any) -> tuple[str, bool]:
    """As text, names of objects in one order; and whether it is only the beginning."""
    text = "" if value is None else pretty(in_order(value))
    return text[:LONGEST], len(text) > LONGEST


def value_pairs(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[ValuePair]:
    """Of all names of both, what differs first."""
    names = dict.fromkeys([*left, *right])
    pairs = [value_pair(name, left.get(name, ABSENT), right.get(name, ABSENT)) for name in names]
    return sorted(pairs, key=lambda pair: pair.same)
