"""The rows of the steps: on one time axis, in words that say enough."""

from datetime import timedelta

import pytest
from django.utils import timezone

from flows.flowchart.states import state_view
from flows.models import ActionRun, Run, State
from flows.runs.outline import AXIS_WIDTH, SHORTEST_BAR, Outline, iteration_of, words_of
from tests.runs.conftest import record


def rows_of(run, **params):
    return Outline(run, None, params).rows


def test_bars_lie_on_the_axis_of_the_run(run):
    assert [(row.x, row.width) for row in rows_of(run)] == [
        ("0.0", "120.0"), ("150.0", "150.0"), ("150.0", "30.0"), ("180.0", "30.0"),
    ]  # fmt: skip
    assert Outline(run, None, {}).seconds == 10


def test_a_bar_is_seen_however_short_and_ends_with_the_axis(run):
    record(run, 8, "short", run.started_at, type="log", seconds=0)
    record(run, 9, "long", run.started_at + timedelta(seconds=9), type="log", seconds=60)
    record(run, 10, "never", None, type="log", state=State.SKIPPED)
    assert [(row.x, row.width) for row in rows_of(run)[4:]] == [
        ("0.0", f"{SHORTEST_BAR:.1f}"), ("270.0", "30.0"), ("0.0", "0.0"),
    ]  # fmt: skip


def test_what_goes_on_has_a_bar_up_to_now(run):
    Run.objects.update(state=State.RUNNING, ended_at=None, started_at=timezone.now() - timedelta(seconds=10))
    ActionRun.objects.filter(path="chat").update(
        state=State.RUNNING, started_at=timezone.now() - timedelta(seconds=5), ended_at=None
    )
    run.refresh_from_db()
    chat = rows_of(run)[0]
    assert float(chat.x) == pytest.approx(AXIS_WIDTH / 2, abs=3)
    assert float(chat.x) + float(chat.width) == pytest.approx(AXIS_WIDTH, abs=3)


def test_rows_say_how_it_went(run):
    rows = rows_of(run)
    assert [row.words for row in rows] == ["Done", "Done", "Done", "odd"]
    assert [(row.tokens, row.duration) for row in rows[:2]] == [("1,234", "4.00 s"), ("", "5.00 s")]
    assert [(row.indent, row.iteration) for row in rows] == [(0, ""), (0, ""), (1, "1"), (1, "2")]
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
    assert [row.is_selected for row in Outline(run, opened, {}).rows] == [False, False, True, False]
