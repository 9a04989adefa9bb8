"""What differs between two texts: words of two answers side by side, lines of two versions of a prompt.

Words and lines that occur once on both sides anchor the comparison, and only what lies between two anchors is compared
thoroughly. The work is bounded; where the bound is reached, everything that is left counts as changed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby, pairwise
from operator import attrgetter

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

LONGEST_BY_WORDS = 20_000  # characters of both texts; longer ones are compared by lines first
LARGEST_GAP = 40_000  # pairs of words that are compared thoroughly
MOST_PAIRS = 1_000_000  # of all gaps
MOST_WORDS = 250_000  # that the search for anchors looks at
WORDS_A_GAP = 20  # what a gap costs beside its words
AROUND = 3  # lines that are shown around a change
RUNS = (1, 4)  # how many words make an anchor: more where none is unique
SPACE_APART = re.compile(r"\s+|\S+")
# A word takes the space behind it along. Chinese and Japanese do not put any between words: there, each sign is one.
SIGN = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
# What stands between braces of a template is one word.
BRACES = r"\{\{[^{}\n]*\}\}"
WORD = re.compile(rf"{BRACES}\s*|{SIGN}\s*|(?:(?!{SIGN}|{BRACES})\S)+\s*|\s+")


class DiffKind(StrEnum):
    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True)
class DiffPiece:
    text: str
    kind: DiffKind


@dataclass(frozen=True)
class DiffLine:
    """`pieces` of a changed line say which of its words are; those of a line that has no counterpart are one.

    `left` and `right` are its numbers in the two texts, from 1.
    """

    kind: DiffKind
    pieces: tuple[DiffPiece, ...]
    left: int | None = None
    right: int | None = None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    @property
    def html(self) -> SafeString:
        """Its text; where words of it are told apart, with the changed ones marked."""
        whole = len(self.pieces) == 1
        return html_of(self.pieces, "{}" if whole else '<span class="is-changed">{}</span>')


@dataclass(frozen=True)
class DiffMatch:
    """`length` items from `left` on are those from `right` on."""

    left: int
    right: int
    length: int


@dataclass(frozen=True)
class DiffBlock:
    """Stretches of both sides that are the same, or that one has in place of the other."""

    same: bool
    left: slice
    right: slice


def html_of(pieces: Iterable[DiffPiece], changed: str) -> SafeString:
    """The text with what differs in the element `changed`; a template could break its lines, and each break shows."""
    shown = (piece.text if piece.kind is DiffKind.SAME else marked_html(piece.text, changed) for piece in pieces)
    return format_html_join("", "{}", ((text,) for text in shown))


def marked_html(text: str, changed: str) -> SafeString:
    """Space behind words is not marked with them."""
    words = text.rstrip() or text
    return format_html("{}{}", format_html(changed, words), text[len(words) :])


def diff_words(left: str, right: str) -> tuple[tuple[DiffPiece, ...], tuple[DiffPiece, ...]]:
    """The pieces of both texts. Space is not compared: an answer wrapped in another way is the same answer."""
    work = DiffWork()
    if len(left) + len(right) <= LONGEST_BY_WORDS:
        return compare_items(WORD.findall(left), WORD.findall(right), work)
    lefts, rights = left.splitlines(keepends=True), right.splitlines(keepends=True)
    pieces: tuple[list[DiffPiece], list[DiffPiece]] = ([], [])
    for block in work.blocks(lefts, rights):
        before, after = "".join(lefts[block.left]), "".join(rights[block.right])
        if block.same:
            made = whole_piece(before, DiffKind.SAME), whole_piece(after, DiffKind.SAME)
        else:
            made = compare_items(WORD.findall(before), WORD.findall(after), work)
        pieces[0].extend(made[0])
        pieces[1].extend(made[1])
    return join_pieces(pieces[0]), join_pieces(pieces[1])


def diff_lines(left: str, right: str, work: DiffWork | None = None) -> tuple[DiffLine, ...]:
    """A unified diff, with the changed words of lines that have a counterpart, be it nothing but space.

    Several that share their `work` do no more together than the bounds allow for one.
    """
    work = work or DiffWork()
    lefts, rights = lines_of(left), lines_of(right)
    made: list[DiffLine] = []
    for block in work.blocks(lefts, rights):
        before, after = lefts[block.left], rights[block.right]
        if block.same:
            made += [
                DiffLine(DiffKind.SAME, whole_piece(text, DiffKind.SAME), block.left.start + at, block.right.start + at)
                for at, text in enumerate(before, 1)
            ]
            continue
        pairs = [compare_lines(*pair, work) for pair in zip(before, after, strict=False)]
        removed = [pair[0] for pair in pairs] + [whole_piece(text, DiffKind.REMOVED) for text in before[len(pairs) :]]
        added = [pair[1] for pair in pairs] + [whole_piece(text, DiffKind.ADDED) for text in after[len(pairs) :]]
        made += [DiffLine(DiffKind.REMOVED, pieces, left=block.left.start + at) for at, pieces in enumerate(removed, 1)]
        made += [DiffLine(DiffKind.ADDED, pieces, right=block.right.start + at) for at, pieces in enumerate(added, 1)]
    return tuple(made)


def fold_unchanged(all: Sequence[DiffLine]) -> list[DiffLine | int]:
    """Without the lines that are far from any change, but with how many those are."""
    near = {
        at + off for at, line in enumerate(all) if line.kind is not DiffKind.SAME for off in range(-AROUND, AROUND + 1)
    }
    made: list[DiffLine | int] = []
    for is_near, run in groupby(range(len(all)), key=near.__contains__):
        places = list(run)
        made += [all[at] for at in places] if is_near or len(places) == 1 else [len(places)]
    return made


def lines_of(text: str) -> list[str]:
    return text.split("\n") if text else []


def compare_lines(left: str, right: str, work: DiffWork) -> tuple[tuple[DiffPiece, ...], tuple[DiffPiece, ...]]:
    """The pieces of a line and of the one in its place."""
    if not work.exhausted:
        before, after = compare_items(WORD.findall(left), WORD.findall(right), work)
        if {piece.kind for piece in before + after} == {DiffKind.SAME}:
            before, after = compare_items(SPACE_APART.findall(left), SPACE_APART.findall(right), work)
        if any(piece.kind is DiffKind.SAME and piece.text.strip() for piece in before):
            return before, after
    return whole_piece(left, DiffKind.REMOVED), whole_piece(right, DiffKind.ADDED)


def compare_items(
    lefts: list[str], rights: list[str], work: DiffWork
) -> tuple[tuple[DiffPiece, ...], tuple[DiffPiece, ...]]:
    """Items are compared without the space behind them; space alone is compared as it is."""
    before: list[DiffPiece] = []
    after: list[DiffPiece] = []
    for block in work.blocks([key(item) for item in lefts], [key(item) for item in rights]):
        before += whole_piece("".join(lefts[block.left]), DiffKind.SAME if block.same else DiffKind.REMOVED)
        after += whole_piece("".join(rights[block.right]), DiffKind.SAME if block.same else DiffKind.ADDED)
    return join_pieces(before), join_pieces(after)


def key(item: str) -> str:
    return item.rstrip() or item


def whole_piece(text: str, kind: DiffKind) -> tuple[DiffPiece, ...]:
    return (DiffPiece(text, kind),) if text else ()


def join_pieces(pieces: Iterable[DiffPiece]) -> tuple[DiffPiece, ...]:
    """Neighbours of one kind become one piece."""
    return tuple(
        DiffPiece("".join(piece.text for piece in group), kind)
        for kind, group in groupby(pieces, key=attrgetter("kind"))
    )


class DiffWork:
    """Compares sequences for one diff, and does not do more than the bounds allow."""

    def __init__(self) -> None:
        self._words = MOST_WORDS
        self._pairs = MOST_PAIRS

    @property
    def exhausted(self) -> bool:
        return self._words <= 0

    def blocks(self, lefts: Sequence[str], rights: Sequence[str]) -> Iterator[DiffBlock]:
        left = right = 0
        for match in [*self._matches(lefts, rights), DiffMatch(len(lefts), len(rights), 0)]:
            if match.left > left or match.right > right:
                yield DiffBlock(False, slice(left, match.left), slice(right, match.right))
            left, right = match.left + match.length, match.right + match.length
            if match.length:
                yield DiffBlock(True, slice(match.left, left), slice(match.right, right))

    def _matches(self, lefts: Sequence[str], rights: Sequence[str]) -> list[DiffMatch]:
        """In order, without overlap."""
        found: list[DiffMatch] = []
        gaps = [(slice(0, len(lefts)), slice(0, len(rights)))]
        while gaps and not self.exhausted:
            left, right = gaps.pop()
            before, after = lefts[left], rights[right]
            self._words -= WORDS_A_GAP + len(before) + len(after)
            ahead = common_prefix(before, after)
            behind = common_prefix(before[ahead:][::-1], after[ahead:][::-1])
            found.append(DiffMatch(left.start, right.start, ahead))
            found.append(DiffMatch(left.stop - behind, right.stop - behind, behind))
            inside, unsettled = self._inside(
                before[ahead : len(before) - behind],
                after[ahead : len(after) - behind],
                left.start + ahead,
                right.start + ahead,
            )
            found += inside
            gaps += unsettled
        return sorted((match for match in found if match.length), key=attrgetter("left"))

    def _inside(
        self, before: Sequence[str], after: Sequence[str], left: int, right: int
    ) -> tuple[list[DiffMatch], list[tuple[slice, slice]]]:
        """The matches of a gap that begins at `left` and `right`, and the gaps in it that are still to be compared."""
        pairs = len(before) * len(after)
        if pairs > LARGEST_GAP and (points := anchors(before, after)):
            edges = [(-1, -1), *points, (len(before), len(after))]
            return [DiffMatch(left + at, right + other, 1) for at, other in points], [
                (slice(left + start[0] + 1, left + end[0]), slice(right + start[1] + 1, right + end[1]))
                for start, end in pairwise(edges)
            ]
        if not 0 < pairs <= self._pairs:
            return [], []
        self._pairs -= pairs
        thorough = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        return [DiffMatch(left + match.a, right + match.b, match.size) for match in thorough], []


def common_prefix(lefts: Sequence[str], rights: Sequence[str]) -> int:
    """How many items both begin with."""
    both = zip(lefts, rights, strict=False)
    return next((at for at, (left, right) in enumerate(both) if left != right), min(len(lefts), len(rights)))


def anchors(lefts: Sequence[str], rights: Sequence[str]) -> list[tuple[int, int]]:
    """Where items are that occur once on both sides: as many as have the same order on both."""
    for length in RUNS:
        before, after = word_runs(lefts, length), word_runs(rights, length)
        once = occurring_once(before) & occurring_once(after)
        if once:
            places = {run: at for at, run in enumerate(after) if run in once}
            return longest_rising([(at, places[run]) for at, run in enumerate(before) if run in once])
    return []


def word_runs(items: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return list(zip(*(items[start:] for start in range(length)), strict=False))


def occurring_once(items: Iterable[tuple[str, ...]]) -> set[tuple[str, ...]]:
    return {item for item, count in Counter(items).items() if count == 1}


def longest_rising(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest selection in which the second number rises like the first: patience sorting."""
    tops: list[int] = []  # the lowest second number that a selection of each length ends with
    ends: list[int] = []  # the point it ends at
    before: list[int] = []  # for each point, the point before it
    for at, (_, place) in enumerate(points):
        length = bisect_left(tops, place)
        before.append(ends[length - 1] if length else -1)
        tops[length : length + 1] = [place]
        ends[length : length + 1] = [at]
    chosen: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chosen.append(points[at])
        at = before[at]
    return chosen[::-1]
