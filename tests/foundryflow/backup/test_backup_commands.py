"""The two commands as operators meet them: keys, files, processes in the way, being stopped."""

import os
import shutil
import signal
import sqlite3
import stat
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet

from foundryflow.backup.read import open_backup
from foundryflow.encryption.keys import fingerprint
from tests.foundryflow.backup.installations import digests
from tests.processes import free_port, listening, said, started

OTHER = Fernet.generate_key().decode()


def database_file(installation):
    return Path(installation.environment["FOUNDRYFLOW_DATABASE_URL"].removeprefix("sqlite:///"))


def test_the_missing_key_is_named_before_anything_is_touched(filled_file, new_sqlite):
    other = new_sqlite(FOUNDRYFLOW_ENCRYPTION_KEY=OTHER)
    former = new_sqlite().environment["FOUNDRYFLOW_ENCRYPTION_KEY"]
    for arguments in ((), ("--check",)):
        code, told = other.manage("restore", str(filled_file), *arguments)
        assert code == 1
        assert f"This backup needs the encryption key {fingerprint(former)}. " in told
        assert f"FOUNDRYFLOW_ENCRYPTION_KEY holds only {fingerprint(OTHER)}." in told
        assert former not in told
        assert OTHER not in told
    assert not database_file(other).exists()
    code, told = other.manage("restore", str(filled_file), FOUNDRYFLOW_ENCRYPTION_KEY=f"{OTHER},{former}")
    assert code == 0, told
    assert other.manage("flow", "list", FOUNDRYFLOW_ENCRYPTION_KEY=f"{OTHER},{former}")[0] == 0


def test_without_secrets_everything_else_is_there(filled_file, new_sqlite, tmp_path):
    other = new_sqlite(FOUNDRYFLOW_ENCRYPTION_KEY=OTHER)
    other.restore(filled_file, "--without-secrets")
    file = tmp_path / "again.backup"
    code, told = other.manage("backup", str(file))
    assert code == 1
    assert "The secrets of this database are sealed with the encryption key" in told
    code, told = other.manage("backup", str(file), "--without-secrets")
    assert code == 0, told
    assert "opened by none of the keys here" in told
    assert digests(file) == digests(filled_file)
    # What cannot be read here can be read where the key is.
    former = new_sqlite().environment["FOUNDRYFLOW_ENCRYPTION_KEY"]
    code, told = other.manage("restore", str(file), "--check")
    assert f"needs the encryption key {fingerprint(former)}" in told


def test_the_file_is_private_and_replaced_only_when_told(on_sqlite, tmp_path):
    file = tmp_path / "one.backup"
    assert on_sqlite.manage("backup", str(file))[0] == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    code, told = on_sqlite.manage("backup", str(file))
    assert (code, told.strip()) == (1, f"CommandError: {file} is there already. `--force` replaces it.")
    assert file.read_bytes() == before
    assert on_sqlite.manage("backup", str(file), "--force")[0] == 0
    assert file.read_bytes() != before
    assert [each.name for each in tmp_path.iterdir()] == ["one.backup"]


def test_places_that_take_no_file_are_named(on_sqlite, tmp_path):
    for place, sentence in (
        (tmp_path, "is a folder: name a file in it."),
        (tmp_path / "none" / "one.backup", "cannot be written: No such file or directory."),
        ("/dev/full", "is there already. `--force` replaces it."),
    ):
        code, told = on_sqlite.manage("backup", str(place))
        assert (code, told.strip()) == (1, f"CommandError: {place} {sentence}")


def test_what_it_says_of_what_is_not_in_it(on_sqlite, tmp_path):
    _, told = on_sqlite.manage("backup", str(tmp_path / "one.backup"))
    assert "FOUNDRYFLOW_ENCRYPTION_KEY" in told
    assert on_sqlite.environment["FOUNDRYFLOW_ENCRYPTION_KEY"] not in told
    assert on_sqlite.environment["FOUNDRYFLOW_SECRET_KEY"] not in told
    content = (tmp_path / "one.backup").read_bytes()
    assert on_sqlite.environment["FOUNDRYFLOW_ENCRYPTION_KEY"].encode() not in content


def test_a_database_that_is_not_migrated_is_not_backed_up(new_sqlite, tmp_path):
    code, told = new_sqlite().manage("backup", str(tmp_path / "one.backup"))
    assert code == 1
    assert "run `python manage.py migrate` first" in told
    assert not list(tmp_path.iterdir())


def test_nothing_is_restored_below_a_running_server(on_sqlite, filled_file):
    before = digests(on_sqlite.back_up())
    port = free_port()
    with listening(
        ["manage.py", "serve", "--port", str(port)], {**on_sqlite.environment, "FOUNDRYFLOW_SIMULATOR": "false"}, [port]
    ):
        assert digests(on_sqlite.back_up()).keys() == before.keys()  # while it runs
        code, told = on_sqlite.manage("restore", str(filled_file), "--replace")
    assert code == 1
    assert "A server is running on" in told
    assert "Stop the server and every worker" in told


def test_nothing_is_restored_below_another_process(on_sqlite, filled_file):
    with closing(sqlite3.connect(database_file(on_sqlite))) as other:
        other.execute("SELECT * FROM auth_user").fetchone()
        code, told = on_sqlite.manage("restore", str(filled_file), "--replace")
    assert code == 1
    assert "Another process has" in told


def test_nothing_is_restored_below_another_connection(on_postgresql, filled_file):
    url = on_postgresql.environment["FOUNDRYFLOW_DATABASE_URL"].replace("postgres://", "postgresql://")
    with psycopg.connect(url):
        code, told = on_postgresql.manage("restore", str(filled_file), "--replace")
    assert code == 1
    assert "Another process is connected to the database. Stop the server and every worker" in told


def test_a_damaged_database_can_be_replaced(new_sqlite, filled_file):
    installation = new_sqlite()
    file = database_file(installation)
    file.write_bytes(b"no database" * 1000)
    Path(f"{file}-wal").write_bytes(b"of another one")
    code, told = installation.manage("restore", str(filled_file))
    assert code == 1
    assert "is no SQLite database" in told
    assert "Traceback" not in told
    assert file.read_bytes() == b"no database" * 1000
    installation.restore(filled_file, "--replace")
    assert digests(installation.back_up()) == digests(filled_file)


def many_lines(installation, rows):
    """So many that a command takes a while."""
    with closing(sqlite3.connect(database_file(installation))) as opened:
        opened.execute(
            "INSERT INTO foundryflow_attempt (key, at, wrong) WITH RECURSIVE n (i) AS"
            " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i, '2026-01-01 00:00:00', 0 FROM n",
            [rows],
        )
        opened.commit()


def stopped(installation, number, ready, *arguments):
    """Exit status and output of a command that gets a signal as soon as it is `ready`."""
    with tempfile.TemporaryFile("w+") as output:
        process = started(["manage.py", *arguments], installation.environment, output)
        deadline = time.monotonic() + 60
        while not ready() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(number)
        process.wait(60)
        return process.returncode, said(output)


@pytest.fixture
def large(new_sqlite, migrated):
    """An installation whose backup takes a moment."""
    installation = new_sqlite()
    shutil.copy(migrated, database_file(installation))
    many_lines(installation, 150_000)
    return installation


def test_a_backup_can_be_stopped_and_leaves_nothing(large, tmp_path):
    file, part = tmp_path / "one.backup", tmp_path / "one.backup.part"
    for number in (signal.SIGINT, signal.SIGTERM):
        code, told = stopped(large, number, part.exists, "backup", str(file))
        assert (code, told.strip().splitlines()[-1]) == (130, "CommandError: Stopped. No backup was written.")
        assert not list(tmp_path.iterdir())
    part.write_bytes(b"of one that was killed")
    assert large.manage("backup", str(file))[0] == 0
    assert [each.name for each in tmp_path.iterdir()] == ["one.backup"]
    with open_backup(file) as backup:
        backup.verify(lambda *_: None)


@pytest.mark.timeout(400)
def test_a_restore_can_be_stopped_and_changes_nothing(large):
    file = large.back_up()
    before, database = digests(file), database_file(large)
    restoring = database.with_name(f"{database.name}.restoring")

    def is_loading():
        return restoring.exists() and os.stat(restoring).st_size > 3_000_000

    code, told = stopped(large, signal.SIGINT, is_loading, "restore", "--replace", str(file))
    assert (code, told.strip().splitlines()[-1]) == (130, "CommandError: Stopped. The database is as it was.")
    assert not restoring.exists()
    code, _ = stopped(large, signal.SIGKILL, is_loading, "restore", "--replace", str(file))
    assert code == -signal.SIGKILL
    assert digests(large.back_up()) == before
    large.restore(file, "--replace")  # what was left is in nobody's way
    assert digests(large.back_up()) == before
    assert not restoring.exists()
