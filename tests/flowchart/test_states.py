"""States of runs and actions in an icon, a word and a colour."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connections.foundry.errors import ErrorKind
from flows.flowchart.labels import lower_first
from flows.flowchart.states import (
    LOOK,
    REASONS,
    StateView,
    failure_words,
    reason_words,
    run_view,
    state_view,
    state_view_of,
)
from flows.models import ActionRun, Run

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)
ICONS = set(re.findall(r'id="([a-z0-9-]+)"', Path("static/icons.svg").read_text()))


def record(state, seconds=None, **more):
    ended = AT + timedelta(seconds=seconds) if seconds is not None else None
    return ActionRun(path="a", state=state, started_at=AT, ended_at=ended, **more)


def test_every_state_has_an_icon_of_the_sprite_and_a_colour_and_is_called_by_its_name():
    for name, (icon, word, css) in LOOK.items():
        assert icon in ICONS
        assert (word, css in {"mute", "run", "warn", "ok", "bad"}) == (name.capitalize(), True)
    assert state_view_of("failed") == StateView("failed", "circle-x", "Failed", "bad", "Failed")
    assert state_view_of("failed", "401").words == "401"


@pytest.mark.parametrize(
    ("made", "name", "words"),
    [
        (record("succeeded", 0.42), "succeeded", "0.42 s"),
        (record("succeeded", 2, usage={"total_tokens": 1_234}), "succeeded", "2.00 s · 1,234 tokens"),
        (record("succeeded", 2, usage={"total_tokens": 0}), "succeeded", "2.00 s"),
        (record("succeeded", 2, warning="Cut at 7 tokens"), "warning", "Cut at 7 tokens"),
        (record("succeeded", 2, reason="pinned, output of run 7"), "pinned", "Pinned"),
        (record("succeeded", 2, reason="taken over from run 7"), "succeeded", "2.00 s"),
        (record("failed", 2, warning="x", error={"kind": "auth_key", "status": 401}), "failed", "401 · key refused"),
        (record("failed", 2), "failed", "Failed"),
        (record("waiting", reason="Limit of contoso: 1 of 1 calls"), "waiting", "Limit of contoso"),
        (record("waiting", reason="pinned"), "waiting", "pinned"),
        (record("waiting"), "waiting", "Waiting"),
        (record("cancelled", 2), "cancelled", "Cancelled at 2.00 s"),
        (record("skipped", reason="disabled"), "skipped", "Disabled"),
        (record("skipped", reason="no items"), "skipped", "Skipped"),
        (record("running"), "running", "Running"),
    ],
)
def test_an_execution_says_how_it_ended_or_stands(made, name, words):
    view = state_view(made)
    assert (view.name, view.words) == (name, words)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"kind": "auth_key", "status": 401}, "401 · key refused"),
        ({"kind": "dns"}, "No such host"),
        ({"kind": "odd", "message": "no stock " * 10}, ("No stock " * 10)[:60].capitalize()),
        ({"kind": "odd", "message": "x", "status": 500}, "500 · x"),
        ({}, "Failed"),
        ({"kind": "budget", "message": "contoso: Daily budget spent: 7 of 5 tokens."}, "Daily budget spent"),
        ({"kind": "budget", "message": "Monthly budget spent", "status": 1}, "Monthly budget spent"),
        ({"kind": "budget", "status": 429}, "Budget spent"),
    ],
)
def test_a_failure_is_a_few_words(error, words):
    assert failure_words(error) == words


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("auth_key", 401, "401, key refused"),
        ("auth_key", None, "Key refused"),
        ("tls", None, "Certificate refused"),
        ("no_stock", None, "No stock"),
    ],
)
def test_a_reason_is_three_words_by_its_kind(kind, status, words):
    assert reason_words(kind, status) == words


def test_reasons_are_words_that_stand_inside_a_sentence():
    assert {kind: words for kind, words in REASONS.items() if words != lower_first(words)} == {}
    assert all(re.fullmatch("[a-z_]+", kind) for kind in REASONS)
    assert {kind.value for kind in ErrorKind} - {ErrorKind.CANCELLED} <= {*REASONS}


def test_a_run_that_failed_says_why():
    failed = Run(state="failed", error={"kind": "dns"})
    views = [run_view(each) for each in (failed, Run(state="failed"), Run(state="running"))]
    assert [(view.name, view.words) for view in views] == [
        ("failed", "Failed: No such host"),
        ("failed", "Failed: Failed"),
        ("running", "Running"),
    ]
