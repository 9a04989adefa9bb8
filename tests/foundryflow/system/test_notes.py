"""What the System page says is wrong, the worst first."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from foundryflow.models import ServerProcess
from foundryflow.system.disk import Volume
from foundryflow.system.key_counts import KeyCounts, KeyState
from foundryflow.system.last_backup import LastBackup
from foundryflow.system.notes import notes_of
from foundryflow.system.processes import KnownProcess, ProcessState
from foundryflow.system.registry import BoundedCount, QueueState, RefusedCalls
from foundryflow.system.snapshot import SystemSnapshot

NOW = timezone.now()
GB = 10**9


def process(kind="worker", number=1, state=ProcessState.ANSWERING, **fields):
    at = fields.pop("heard_at", NOW)
    given = {"host": "flow-a", "heard_at": at, "told_at": at, "started_at": at, "pid": 1, **fields}
    return KnownProcess(ServerProcess(kind=kind, number=number, **given), state)


def snapshot(**changed):
    """Of a server with which nothing is wrong."""
    well = SystemSnapshot(
        at=NOW,
        processes=[process("web"), process()],
        queue=QueueState(),
        keys=KeyState(["e1d9"], [], KeyCounts(Counter(e1d9=12))),
        missing_migrations=0,
        database_size=GB,
        growth=None,
        volume=Volume(Path("/data"), 100 * GB, 50 * GB),
        backup=LastBackup(NOW - timedelta(hours=9), GB),
        refused=RefusedCalls(),
    )
    return replace(well, **changed)


def said(**changed):
    return [(note.level, str(note)) for note in notes_of(snapshot(**changed))]


@pytest.fixture(autouse=True)
def with_workers(settings):
    settings.POSTGRESQL, settings.ALLOWED_HOSTS = True, ["localhost"]


SILENT = process(number=2, state=ProcessState.NOT_HEARD, heard_at=NOW - timedelta(minutes=5), handed_on=3)
TIME = f"{timezone.localtime(SILENT.process.heard_at):%H:%M:%S}"


def test_of_a_server_that_is_well_nothing_is_said():
    assert said() == []


def test_runs_that_wait_for_no_worker_are_the_worst_with_the_way_out():
    waiting = QueueState(waiting=BoundedCount(3), waiting_address="/runs/?state=queued")
    (note, *others) = notes_of(snapshot(processes=[process("web"), SILENT], queue=waiting, backup=None))
    assert (note.level, note.summary) == ("bad", "3 runs wait and no worker is running.")
    assert note.detail.endswith(f"{TIME}. Nothing is lost; start one:")
    assert (note.command, note.address, note.link) == ("manage.py worker", "/runs/?state=queued", "Show the 3 runs")
    assert [other.level for other in others] == ["warn"]


def test_no_worker_is_bad_before_anything_waits():
    ((level, sentence),) = said(processes=[process("web")])
    assert (level, sentence) == ("bad", "No worker is running. Start one, else runs wait: `manage.py worker`")


def test_one_run_waits_and_many_are_not_counted():
    assert "1 run waits and" in said(processes=[], queue=QueueState(waiting=BoundedCount(1)))[0][1]
    many = QueueState(waiting=BoundedCount(10_000, more=True))
    (note,) = notes_of(snapshot(processes=[], queue=many))
    assert (note.summary, note.link) == ("more than 10,000 runs wait and no worker is running.", "Show the runs")


def test_a_worker_that_was_stopped_in_order_is_told_as_such():
    stopped = process(state=ProcessState.STOPPED, stopped_at=NOW)
    assert "worker-1 was stopped in order at" in said(processes=[stopped])[0][1]


def test_on_sqlite_the_web_process_is_the_engine(settings):
    settings.POSTGRESQL = False
    assert said(processes=[process("web")]) == []
    assert "No server process is running." in said(processes=[])[0][1]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"processes": [process(), SILENT]},
            f"worker-2 on flow-a was last heard at {TIME}. Its 3 runs were handed on.",
        ),
        ({"missing_migrations": 2}, "2 migrations are not applied."),
        ({"volume": Volume(Path("/data"), 100 * GB, 9 * GB)}, "The disk of /data is 91 % full."),
        ({"backup": None}, "There is no backup."),
        ({"backup": LastBackup(NOW - timedelta(days=8), GB)}, "The last backup is of "),
        (
            {"processes": [process(told_at=NOW + timedelta(seconds=32))]},
            "The clock of flow-a is 32 s ahead of that of the database.",
        ),
        (
            {"keys": KeyState(["e1d9", "77b0"], [], KeyCounts(Counter(e1d9=1_186, **{"77b0": 28})))},
            "The rotation of the encryption key is at 98 %. 28 secrets still need a former key.",
        ),
        ({"keys": KeyState(["e1d9"], ["77b0"], KeyCounts(Counter(), 1))}, "No key opens 1 secret."),
    ],
    ids=["silent worker", "migrations", "disk", "no backup", "old backup", "clock", "rotation", "lost key"],
)
def test_what_is_to_be_seen_to_is_a_warning(changed, sentence):
    ((level, text),) = said(**changed)
    assert level == "warn"
    assert sentence in text


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("DEBUG", True, "FOUNDRYFLOW_DEBUG is on."),
        ("ALLOWED_HOSTS", ["localhost", "flow.contoso.example"], "reached as flow.contoso.example without HTTPS."),
    ],
)
def test_settings_that_are_not_for_a_server_are_warned_of(settings, setting, value, sentence):
    setattr(settings, setting, value)
    ((level, text),) = said()
    assert (level, sentence in text) == ("warn", True)


def test_with_https_any_name_is_fine(settings):
    settings.ALLOWED_HOSTS, settings.HTTPS = ["flow.contoso.example"], True
    assert said() == []
