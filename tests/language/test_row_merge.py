"""Two orders of one row: what both want, or the names of what cannot be had."""

from itertools import combinations, permutations

import pytest

from flows.language.flat import moved_in
from flows.language.row_merge import RowMerge


def merged(base: str, mine: str, theirs: str) -> tuple[str, list[str]]:
    found = RowMerge(list(base), list(mine), list(theirs))
    given_up = found.settle()
    return "".join(found.row), given_up


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "row", "given_up"),
    [
        ("ab", "axb", "ab", "axb", []),
        ("ab", "xab", "ab", "xab", []),
        ("ab", "axb", "ayb", "ayxb", []),
        ("ab", "abxz", "aby", "abyxz", []),
        ("ab", "axb", "ba", "bax", []),
        ("abc", "bac", "abc", "bac", []),
        ("abcd", "bcda", "bcad", "bcad", ["a"]),
        ("abcd", "bcda", "bcda", "bcda", []),
        ("a", "ax", "xa", "xa", ["x"]),
        ("a", "ax", "ax", "ax", []),
        ("abcd", "bcad", "cabd", "cbad", []),
        ("abcd", "abdc", "acbd", "acbd", ["d"]),
        ("abcd", "bcad", "abdc", "bdca", []),
        ("a", "za", "z", "za", []),
        ("abc", "a", "cb", "cba", []),
        ("ab", "", "bya", "bya", []),
        ("abc", "bac", "cb", "cba", ["b"]),
    ],
)
def test_theirs_with_what_i_put_where_i_put_it(
    base: str, mine: str, theirs: str, row: str, given_up: list[str]
) -> None:
    assert merged(base, mine, theirs) == (row, given_up)


def test_whatever_two_people_moved_stands_as_each_wanted_or_is_named() -> None:
    rows = ["".join(row) for row in permutations("abcd")]
    for mine in rows:
        for theirs in rows:
            row, given_up = merged("abcd", mine, theirs)
            assert sorted(row) == list("abcd")
            assert {*given_up} <= moved_in("abcd", mine)
            for one, other in combinations("abcd", 2):
                by_me, by_them, now = (found.index(one) > found.index(other) for found in (mine, theirs, row))
                if by_them:
                    assert now or not {one, other}.isdisjoint(moved_in("abcd", mine)), (mine, theirs, row)
                if by_me:
                    assert now or not {one, other}.isdisjoint(given_up), (mine, theirs, row, given_up)
            if mine in ("abcd", theirs):
                assert (row, given_up) == (theirs, [])
            if theirs == "abcd":
                assert (row, given_up) == (mine, [])
