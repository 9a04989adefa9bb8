import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from flows.actions.services import MemoryServices
from flows.actions.wait import action as wait
from flows.interpreter.journal import ActionCancelled, ActionFinished, ActionNoted, ActionWaiting, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems


class Watched(MemoryJournal):
    """Says when an action waits."""

    def __init__(self):
        super().__init__()
        self.waits = asyncio.Event()

    async def record(self, event):
        await super().record(event)
        if isinstance(event, ActionWaiting):
            self.waits.set()


def waiting(**properties):
    action = {"id": "pause", "type": "wait", "properties": properties}
    return parse({"format": "foundryflow/1", "name": "x", "actions": [action]})


async def waited(journal=None, **properties):
    """How long it took, and what was recorded."""
    journal = journal or MemoryJournal()
    began = time.monotonic()
    await execute(waiting(**properties), {}, journal, MemoryServices())
    return time.monotonic() - began, journal


def iso(seconds, zone=UTC):
    return datetime.fromtimestamp(time.time() + seconds, zone).isoformat()


def test_moment_of(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    day = datetime(2001, 9, 10, 9, 0, tzinfo=UTC).timestamp()

    for until, expected in [
        ("2001-09-10T09:00Z", day),
        ("2001-09-10T09:00", day),
        (" 2001-09-10T09:00:00+02:00 ", day - 7_200),
        ("2001-09-10", day - 9 * 3_600),
        ("0001-01-01T00:00+01:00", 0),
    ]:
        assert wait.end_of_wait(wait.Properties(until=until)) == expected
    assert wait.end_of_wait(wait.Properties(seconds=1.5)) == 1_000_000_001.5


@pytest.mark.parametrize("given", [{"seconds": 0.1}, {"seconds": "{{ 1 / 10 }}"}])
async def test_it_waits_for_seconds(given):
    took, journal = await waited(**given)

    assert 0.09 < took < 2
    assert isinstance(journal.events[-1], ActionFinished)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
async def test_it_waits_until_a_moment(zone):
    until = iso(0.2, zone)
    await waited(until=until)

    assert time.time() >= datetime.fromisoformat(until).timestamp()


async def test_a_moment_that_has_passed_is_not_waited_for():
    took, _ = await waited(until=iso(-3_600))
    assert took < 1


async def test_its_end_is_noted_before_it_is_told():
    _, journal = await waited(seconds=0.01)

    noted, told = (event for event in journal.events if isinstance(event, ActionNoted | ActionWaiting))
    said = datetime.fromtimestamp(noted.value, UTC).isoformat(timespec="seconds")
    assert (told.until, told.reason) == (noted.value, f"Waits until {said}")
    assert (journal.events[-1].output, journal.events[-1].facts) == (said, {"until": said})


async def test_after_a_restart_it_waits_the_rest_only():
    ended = MemoryJournal(notes={"pause": time.time() + 0.1})
    took, journal = await waited(ended, seconds=3_600)

    assert took < 2
    assert not any(isinstance(event, ActionNoted) for event in journal.events)


async def test_a_jump_of_the_clock_is_noticed(monkeypatch):
    monkeypatch.setattr(wait, "CLOCK_INTERVAL", 0.01)
    real, ahead = time.time, 0.0
    monkeypatch.setattr(time, "time", lambda: real() + ahead)
    journal = Watched()
    task = asyncio.create_task(waited(journal, seconds=3_600))
    await journal.waits.wait()
    ahead = 7_200.0

    took, _ = await asyncio.wait_for(task, 5)
    assert took < 5


async def test_a_stop_ends_it_at_once():
    journal = Watched()
    task = asyncio.create_task(waited(journal, seconds=3_600))
    await journal.waits.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert isinstance(journal.events[-1], ActionCancelled)


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({}, "property_missing", "Seconds is missing"),
        ({"seconds": -1}, "expression", "less than 0"),
        ({"seconds": 31 * 86_400}, "expression", "more than"),
        ({"until": "tomorrow"}, "property_wrong", "'tomorrow' is no moment"),
        ({"until": "9999-12-31"}, "property_wrong", "more than 30 days away"),
    ],
)
async def test_what_can_be_wrong_with_it(properties, kind, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await waited(**properties)
    assert failed.value.error.kind == kind


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"seconds": 0}, []),
        ({"until": "2027-01-31"}, []),
        ({}, ["Seconds is missing. Give a number of seconds, or a moment in Until."]),
        ({"seconds": 1, "until": "2027-01-31"}, ["Seconds and Until are both given. Clear one."]),
    ],
)
def test_one_of_both_is_needed(properties, words):
    assert [problem.message for problem in problems(waiting(**properties))] == words
