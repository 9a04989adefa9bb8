"""What one evaluation may spend: in all, and in brief."""

import pytest

from flows.language.sandbox import budget as spending
from flows.language.sandbox.budget import (
    BRIEF_TEXT,
    BRIEF_TOTAL,
    LARGEST,
    TOTAL,
    EvaluationBudget,
    TooLarge,
    TooSlow,
    Unfinished,
)


@pytest.fixture
def clock(monkeypatch):
    """Seconds of processor time, as one sets them."""
    now = [100.0]
    monkeypatch.setattr(spending, "thread_time", lambda: now[0])
    return now


def budget(*, brief):
    made = EvaluationBudget()
    made.begin(brief=brief)
    return made


@pytest.mark.parametrize(
    ("brief", "deed", "sizes", "error"),
    [
        (False, "refuse", [LARGEST], None),
        (False, "refuse", [LARGEST + 1], TooLarge),
        (True, "refuse", [BRIEF_TOTAL], None),
        (True, "refuse", [BRIEF_TOTAL + 1], Unfinished),
        (False, "work_on", [LARGEST + 1], None),
        (True, "work_on", [BRIEF_TEXT], None),
        (True, "work_on", [BRIEF_TEXT + 1], Unfinished),
        (False, "spend", [LARGEST] * 6 + [TOTAL - 6 * LARGEST], None),
        (False, "spend", [LARGEST] * 6 + [TOTAL - 6 * LARGEST + 1], TooLarge),
        (False, "spend", [LARGEST + 1], TooLarge),
        (True, "spend", [BRIEF_TOTAL - 1, 1], None),
        (True, "spend", [BRIEF_TOTAL, 1], Unfinished),
        (False, "write", [LARGEST - 1, 1], None),
        (False, "write", [LARGEST, 1], TooLarge),
    ],
)
def test_sizes_add_up_to_a_bound(clock, brief, deed, sizes, error):
    spend = getattr(budget(brief=brief), deed)
    for size in sizes[:-1]:
        spend(size)
    if error is None:
        spend(sizes[-1])
    else:
        with pytest.raises(error):
            spend(sizes[-1])


@pytest.mark.parametrize(("brief", "seconds", "error"), [(False, 1.0, TooSlow), (True, 0.005, Unfinished)])
def test_time_is_over_once_it_is_used_up(clock, brief, seconds, error):
    for deed in ("tick", "spend", "write"):
        clock[0] = 100.0
        made = budget(brief=brief)
        clock[0] += seconds
        getattr(made, deed)(*([] if deed == "tick" else [1]))
        clock[0] += 0.001
        with pytest.raises(error):
            getattr(made, deed)(*([] if deed == "tick" else [1]))
        made.end()
        made.tick()
        assert not made.brief


def test_another_evaluation_begins_with_nothing_spent(clock):
    made = EvaluationBudget()
    assert (made.brief, made.spent, made.written) == (False, 0, 0)
    made.tick()
    made.begin()
    made.spend(7)
    made.write(5)
    assert (made.spent, made.written) == (7, 5)
    made.begin(brief=True)
    assert (made.brief, made.spent, made.written) == (True, 0, 0)


def test_what_is_too_much_is_a_sentence():
    assert str(TooLarge()) == "The result would be larger than 5,000,000 characters."
    assert str(TooSlow()) == "The template takes too long. Shorten its loops."
