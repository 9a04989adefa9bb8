"""The rows of the steps: on one time axis, in words that say enough."""

from datetime import timedelta

import pytest
from django.utils import timezone

from flows.flowchart.states import state_view
from flows.models import ActionRun, Run, State
from flows.runs.outline import Outline, iteration_of, time_covered, words_of
from flows.runs.time_axis import SHORTEST_BAR, TimeAxis
from tests.runs.conftest import record


def rows_of(run, **params):
    """Those of records: the fixture is of another document."""
    return [row for row in Outline(run, None, params).rows if row.address]


def bars_of(row):
    return [(bar.x, bar.width) for bar in row.bars]


def test_bars_lie_on_the_axis_of_the_run(run):
    assert [bars_of(row) for row in rows_of(run)] == [
        [("0.00%", "40.00%")], [("50.00%", "50.00%")], [("50.00%", "10.00%")], [("60.00%", "10.00%")],
    ]  # fmt: skip
    assert Outline(run, None, {}).axis.seconds == 10


def test_a_bar_is_seen_however_short_and_ends_with_the_axis(run):
    record(run, 8, "short", run.started_at, type="log", seconds=0)
    record(run, 9, "long", run.started_at + timedelta(seconds=9), type="log", seconds=60)
    record(run, 10, "never", None, type="log", state=State.SKIPPED)
    rows = {row.key: bars_of(row) for row in rows_of(run)}
    assert rows["short"] == [("0.00%", f"{SHORTEST_BAR:.2f}%")]
    assert rows["long"] == [("90.00%", "10.00%")]
    assert rows["never"] == []


def test_what_goes_on_has_a_bar_up_to_now_and_says_since_when(run):
    began = timezone.now() - timedelta(seconds=5)
    Run.objects.update(state=State.RUNNING, ended_at=None, started_at=timezone.now() - timedelta(seconds=10))
    ActionRun.objects.filter(path="chat").update(state=State.RUNNING, started_at=began, ended_at=None)
    run.refresh_from_db()
    outline = Outline(run, None, {})
    chat = next(row for row in outline.rows if row.key == "chat")
    (bar,) = chat.bars
    assert float(bar.x.rstrip("%")) == pytest.approx(50, abs=1)
    assert float(bar.x.rstrip("%")) + float(bar.width.rstrip("%")) == pytest.approx(100, abs=1)
    assert (bar.span.ended, chat.duration) == (None, "5 s")
    assert chat.since == pytest.approx(began.timestamp() * 1_000, abs=1)
    assert outline.began == pytest.approx(run.started_at.timestamp() * 1_000, abs=1)


def test_a_run_that_has_ended_has_nothing_that_moves(run):
    outline = Outline(run, None, {})
    assert outline.began is None
    assert {row.since for row in outline.rows} == {None}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20, ["0 s", "5", "10", "15", "20 s"]), (0.35, ["0 s", "0.1", "0.2", "0.3 s"]), (250, ["0 s", "2:00", "4:00"])],
)
def test_the_axis_has_a_few_round_marks(run, seconds, words):
    axis = TimeAxis(run.started_at, run.started_at + timedelta(seconds=seconds))
    assert [mark[1] for mark in axis.marks] == words
    assert axis.marks[0][0] == "0.00%"


def test_what_was_refused_is_said_and_drawn(run):
    at = run.started_at.timestamp()
    refused = [
        {"number": 1, "most": 3, "status": 429, "kind": "rate_limit", "message": "Busy.", "at": at, "until": at + 2}
    ]
    run.actions.filter(path="chat").update(refused=refused)
    chat = rows_of(run)[0]
    assert (chat.words, chat.state.css) == ("429, 2 of 3, waited 2.00 s", "warn")
    assert bars_of(chat) == [("0.00%", "40.00%"), ("0.00%", "20.00%")]
    assert Outline(run, None, {}).waiting_sentence == "20 % of the time was waiting to try again."
    failed = {"state": State.FAILED, "error": {"kind": "rate_limit", "status": 429}}
    run.actions.filter(path="chat").update(**failed)
    assert rows_of(run)[0].words == "429 · throttled, 2 of 3"


def test_waits_that_go_together_count_once():
    assert time_covered([(5, 7), (1, 3), (2, 4), (2, 3)]) == 5


def test_a_wait_after_a_refusal_says_which_try_comes_and_counts_down(run):
    until = timezone.now() + timedelta(seconds=9)
    refused = {"number": 1, "most": 3, "status": 429, "kind": "rate_limit", "message": "Busy.", "at": 1}
    waits = {"state": State.WAITING, "ended_at": None, "waits_until": until, "reason": "Limit of contoso: full"}
    Run.objects.update(state=State.RUNNING, ended_at=None)
    run.refresh_from_db()
    run.actions.filter(path="chat").update(**waits, refused=[{**refused, "until": until.timestamp()}])
    chat = rows_of(run)[0]
    assert (chat.words, chat.until) == ("429, 2 of 3", round(until.timestamp() * 1_000))
    run.actions.filter(path="chat").update(refused=[{**refused, "until": 5}])
    assert rows_of(run)[0].words == "Limit of contoso"


def test_rows_say_how_it_went(run):
    rows = rows_of(run)
    assert [row.words for row in rows] == ["Done", "Done", "Done", "odd"]
    assert [(row.tokens, row.duration) for row in rows[:2]] == [("1,234", "4.00 s"), ("", "5.00 s")]
    assert [(row.indent, row.note) for row in rows] == [(0, ""), (0, "For each"), (1, "part 1"), (1, "part 2")]
    assert rows[2].address == "?action=each%5B0%5D/note"


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"state": "failed", "error": {"kind": "server", "status": 503}}, "503 · service failed"), ({"state": "running"}, "Running"),
     ({"state": "skipped", "reason": "disabled"}, "Skipped"), ({"state": "waiting", "reason": "rate limit: later"}, "rate limit")],
)  # fmt: skip
def test_only_some_states_need_more_than_a_word(fields, words):
    assert words_of(state_view(ActionRun(**fields))) == words


@pytest.mark.parametrize(
    ("path", "iteration"),
    [("a", ""), ("a/b", ""), ("each[0]/b", "1"), ("each[11]/b[3]/c", "4"), ("each[4]/if/c", ""), ("each[x]/c", "")],
)
def test_the_iteration_is_that_of_the_loop_around(path, iteration):
    assert iteration_of(path) == iteration


def test_the_open_action_is_marked(run):
    opened = run.actions.get(path="each[0]/note")
    rows = [row for row in Outline(run, opened, {}).rows if row.address]
    assert [row.is_selected for row in rows] == [False, False, True, False]
