"""What differs between two answers, and between two versions of a prompt."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundryflow.text_diff import DiffKind, DiffLine, DiffPiece, diff_lines, diff_words, fold_unchanged

SAME, REMOVED, ADDED = DiffKind.SAME, DiffKind.REMOVED, DiffKind.ADDED


def short(pieces):
    """Same as it is, [removed], {added}."""
    frames = {SAME: "%s", REMOVED: "[%s]", ADDED: "{%s}"}
    return "".join(frames[piece.kind] % piece.text for piece in pieces)


def sides(left, right):
    before, after = diff_words(left, right)
    return short(before), short(after)


def unified(left, right):
    marks = {SAME: " ", REMOVED: "-", ADDED: "+"}
    return [f"{marks[line.kind]}{short(line.pieces)}" for line in diff_lines(left, right)]


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("left", "right", "before", "after"),
    [
        ("", "", "", ""),
        ("a b", "a b", "a b", "a b"),
        ("", "a", "", "{a}"),
        ("It is Paris.", "It is Lyon.", "It is [Paris.]", "It is {Lyon.}"),
        ("It is red", "It is red and blue", "It is red", "It is red {and blue}"),
        ("a b c d", "a c x d", "a [b ]c d", "a c {x }d"),
        ("one two", "three four", "[one two]", "{three four}"),
        ("wrapped in\none way", "wrapped\nin one way", "wrapped in\none way", "wrapped\nin one way"),
        ("東京は晴れ", "大阪は晴れ", "[東京]は晴れ", "{大阪}は晴れ"),
    ],
)
def test_words_that_changed_are_marked_on_both_sides(left, right, before, after):
    assert sides(left, right) == (before, after)


def test_a_piece_is_as_long_as_it_can_be():
    assert diff_words("a b x y c", "a b c") == (
        (DiffPiece("a b ", SAME), DiffPiece("x y ", REMOVED), DiffPiece("c", SAME)),
        (DiffPiece("a b c", SAME),),
    )


ANY_TEXT = st.text(max_size=60) | st.lists(
    st.sampled_from(["a", "b ", "c\n", " ", "\r\n", "d e", "東"]), max_size=40
).map("".join)


@given(ANY_TEXT, ANY_TEXT)
def test_the_pieces_give_both_texts_back(left, right):
    before, after = diff_words(left, right)
    assert (text_of(before), text_of(after)) == (left, right)
    assert {piece.kind for piece in before} <= {SAME, REMOVED}
    assert {piece.kind for piece in after} <= {SAME, ADDED}
    assert all(piece.text for piece in before + after)


@given(ANY_TEXT, ANY_TEXT)
def test_what_is_the_same_is_the_same_on_both_sides(left, right):
    same = [text_of(piece for piece in pieces if piece.kind is SAME) for pieces in diff_words(left, right)]
    assert "".join(same[0].split()) == "".join(same[1].split())


@given(ANY_TEXT)
def test_a_text_does_not_differ_from_itself(text):
    assert all(piece.kind is SAME for pieces in diff_words(text, text) for piece in pieces)
    assert all(line.kind is SAME for line in diff_lines(text, text))


@given(ANY_TEXT, ANY_TEXT)
def test_the_lines_give_both_texts_back(left, right):
    made = diff_lines(left, right)
    assert "\n".join(line.text for line in made if line.kind is not ADDED) == left
    assert "\n".join(line.text for line in made if line.kind is not REMOVED) == right
    assert [line.left for line in made if line.left] == list(range(1, left.count("\n") + 2 if left else 1))
    assert [line.right for line in made if line.right] == list(range(1, right.count("\n") + 2 if right else 1))


def test_a_changed_line_says_which_of_its_words_changed():
    left = "You are brief.\nAnswer in English.\nBye"
    right = "You are very brief.\nAnswer in English.\n\nBye"
    assert unified(left, right) == [
        "-You are brief.",
        "+You are {very }brief.",
        " Answer in English.",
        "+",
        " Bye",
    ]


def test_a_line_says_where_it_is():
    assert diff_lines("a\nb", "b") == (
        DiffLine(REMOVED, (DiffPiece("a", REMOVED),), left=1),
        DiffLine(SAME, (DiffPiece("b", SAME),), left=2, right=1),
    )


def test_lines_without_a_counterpart_are_marked_as_a_whole():
    assert unified("a b\nc", "x y\nz\nc") == ["-[a b]", "+{x y}", "+{z}", " c"]


def test_a_change_of_space_is_shown_when_it_is_the_only_one():
    assert unified("a  b ", "a b") == ["-a[  ]b[ ]", "+a{ }b"]


def prose(words, seed):
    """Words as often as in a language: a few all the time, most of them hardly ever."""
    chance = random.Random(seed)  # noqa: S311
    known = ["".join(chance.choices("abcdefghij", k=chance.randint(1, 9))) for _ in range(3_000)]
    return chance.choices(known, [1 / (at + 1) for at in range(3_000)], k=words)


ONE, OTHER = prose(20_000, 1), prose(20_000, 1)[:10_000] + prose(10_000, 2)
TWO_LETTERS, TWO_OTHERS = random.Random(3).choices("ab", k=50_000), random.Random(4).choices("ab", k=50_000)  # noqa: S311
LONG = {
    "in one line": (" ".join(ONE), " ".join(prose(20_000, 2))),
    "half of it": (" ".join(ONE), " ".join(OTHER)),
    "in lines": ("\n".join(ONE), "\n".join(OTHER)),
    "nothing but common words": (" ".join(TWO_LETTERS), " ".join(TWO_OTHERS)),
    "nothing but common lines": ("\n".join(TWO_LETTERS), "\n".join(TWO_OTHERS)),
    "turned round": (" ".join(map(str, range(17_000))), " ".join(map(str, range(17_000, 0, -1)))),
    "a single word": ("x" * 100_000, "y" * 100_000),
    "nothing but space": (" " * 100_000, "\n" * 100_000),
    "signs": ("東京都" * 33_000, "京都東" * 33_000),
}


@pytest.mark.parametrize(("left", "right"), LONG.values(), ids=LONG)
def test_long_texts_take_bounded_time(left, right):
    begun = time.thread_time()
    before, after = diff_words(left, right)
    assert time.thread_time() - begun < 1.5  # 0.3 measured
    assert (text_of(before), text_of(after)) == (left, right)
    begun = time.thread_time()
    made = diff_lines(left, right)
    assert time.thread_time() - begun < 3  # 0.6 measured, for two times 50,000 lines
    assert "\n".join(line.text for line in made if line.kind is not ADDED) == left


def test_a_long_answer_with_a_few_changes_is_compared_by_words():
    changed = [*ONE]
    changed[5_000] = changed[15_000] = "new"
    before, after = diff_words(" ".join(ONE), " ".join(changed))
    assert [piece.text for piece in after if piece.kind is ADDED] == ["new ", "new "]
    assert [piece.kind for piece in before] == [SAME, REMOVED, SAME, REMOVED, SAME]


def test_lines_far_from_a_change_are_counted():
    left = "\n".join(map(str, range(30)))
    made = fold_unchanged(diff_lines(left, left.replace("\n15\n", "\nX\n")))
    assert [each if isinstance(each, int) else each.text for each in made] == [
        12, "12", "13", "14", "15", "X", "16", "17", "18", 11,
    ]  # fmt: skip
    assert fold_unchanged(diff_lines("a\nb", "a\nc"))[0].text == "a"
