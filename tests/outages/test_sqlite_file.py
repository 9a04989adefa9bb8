"""A SQLite file that is damaged, out of reach or locked, under real processes."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import time

import pytest
from django.core.management import call_command

from foundryflow.database import errors, file_check, waiting
from tests.processes import free_port, installed_on, said, started

COMMANDS = {
    "serve": ["manage.py", "serve", "--port", "0"],
    "uvicorn": ["-m", "uvicorn", "foundryflow.asgi:application"],
    "migrate": ["manage.py", "migrate"],
    "flow": ["manage.py", "flow", "list"],
}


def endings(file, *names):
    """Exit status and output of commands on the file, which run side by side."""
    environment = {**installed_on(f"sqlite:///{file}"), "FOUNDRYFLOW_SIMULATOR": "false"}
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        going = {}
        for name in names:
            more = ["--port", str(free_port())] if name == "uvicorn" else []
            output = open(f"{folder}/{name}", "w+")  # noqa: SIM115 - read below
            going[name] = started([*COMMANDS[name], *more], environment, output), output
        for name, (process, output) in going.items():
            try:
                process.wait(60)
            finally:
                process.kill()
            found[name] = process.returncode, said(output)
            output.close()
    return found


def test_a_file_that_is_no_database_is_named_with_the_way_to_a_backup_and_nothing_starts(tmp_path):
    file = tmp_path / "broken.sqlite3"
    file.write_bytes(os.urandom(20_000))
    for name, (status, text) in endings(file, *COMMANDS).items():
        assert status not in (0, None), name
        assert f"{file} is no SQLite database" in text, name
        assert "docs/running.md" in text, name
        assert "Traceback" not in text, name
    assert file.stat().st_size == 20_000


def test_a_folder_that_is_not_there_is_named(tmp_path):
    for name, (status, text) in endings(tmp_path / "nowhere" / "f.sqlite3", "uvicorn").items():
        assert status not in (0, None), name
        assert f"there is no folder {tmp_path / 'nowhere'}" in text, name
        assert "Traceback" not in text, name


@pytest.fixture
def file(tmp_path, settings, monkeypatch):
    """A database of some pages, taken for that of the settings."""
    made = tmp_path / "made.sqlite3"
    with sqlite3.connect(made) as line:
        line.execute("CREATE TABLE words (word TEXT)")
        line.executemany("INSERT INTO words VALUES (?)", [(f"{number:04}" * 100,) for number in range(500)])
    line.close()
    for module in (file_check, errors):
        monkeypatch.setattr(module, "sqlite_file", lambda: made)
    settings.POSTGRESQL = False
    return made


def test_a_good_file_passes_the_check(file):
    file_check.check_file()


def test_damage_inside_the_file_is_found_before_the_server_starts(file):
    content = bytearray(file.read_bytes())
    content[4096:40_000] = os.urandom(40_000 - 4096)
    file.write_bytes(content)
    with pytest.raises(file_check.Unusable, match=r"made\.sqlite3 is damaged.*docs/running\.md"):
        file_check.check_file()


def test_a_file_that_was_cut_off_is_damaged(file):
    file.write_bytes(file.read_bytes()[:20_000])
    with pytest.raises(file_check.Unusable, match="is damaged"):
        file_check.check_file()


def test_a_locked_file_does_not_keep_the_server_from_starting(file, monkeypatch):
    monkeypatch.setattr(file_check, "CHECKED_FOR", 0.1)
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        file_check.check_file()
        other.execute("ROLLBACK")


@pytest.mark.django_db(transaction=True)
def test_a_command_waits_for_a_lock(alice, settings):
    """In this process: the same call as that of `flow run`."""
    if settings.POSTGRESQL:
        return
    name = settings.DATABASES["default"]["NAME"]
    locked, other = threading.Event(), sqlite3.connect(name, isolation_level=None, check_same_thread=False)

    def hold() -> None:
        other.execute("BEGIN IMMEDIATE")
        locked.set()
        time.sleep(0.5)
        other.execute("ROLLBACK")

    holding = threading.Thread(target=hold)
    holding.start()
    locked.wait()
    waiting.retry_while_away(lambda: call_command("apikey", "create", "late"))
    holding.join()
    other.close()
