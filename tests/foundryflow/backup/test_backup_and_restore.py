"""What is backed up on one machine is there on another: in the same kind of database, and in the other kind."""

import subprocess
import sys

import pytest

from foundryflow.backup.read import open_backup
from tests.foundryflow.backup.installations import digests, manifest_of, rows_of
from tests.processes import ROOT


def test_every_table_has_rows(filled_file):
    empty = {part.table.name for part in manifest_of(filled_file).parts if not part.rows}
    assert empty == set()


def test_every_row_is_the_same_on_another_machine(filled_file, on_sqlite):
    assert digests(on_sqlite.back_up()) == digests(filled_file)


def test_rows_go_to_postgresql_and_back(filled_file, on_postgresql, new_sqlite):
    there = on_postgresql.back_up()
    assert rows_of(there) == rows_of(filled_file)
    installation = new_sqlite()
    installation.restore(there)
    here = installation.back_up()
    assert rows_of(here) == rows_of(filled_file)
    numbers = {name: last for name, (_, last) in digests(filled_file).items()}
    assert {name: last for name, (_, last) in digests(here).items()} == numbers


def test_secrets_stay_encrypted(filled_file):
    with open_backup(filled_file) as backup:
        sealed = [
            value
            for part in backup.manifest.parts
            for row in backup.rows(part)
            for column, value in zip(part.table.columns, row, strict=True)
            if column.kind == "sealed" and value
        ]
    assert sealed
    assert all(value.startswith("gAAAA") for value in sealed)
    assert sum(backup.manifest.keys.values()) == len(sealed)


@pytest.mark.parametrize("kind", ["on_sqlite", "on_postgresql"])
def test_a_database_with_rows_is_replaced_only_when_told(kind, filled_file, request):
    installation = request.getfixturevalue(kind)
    before = installation.back_up()
    code, said = installation.manage("restore", str(filled_file))
    assert code == 1
    assert "The database is not empty: it holds" in said
    assert "4 users" in said
    assert digests(installation.back_up()) == digests(before)
    installation.restore(before, "--replace")
    assert digests(installation.back_up()) == digests(before)


def test_the_log_says_that_it_was_restored_and_backed_up(on_sqlite):
    on_sqlite.back_up("first.backup")
    with open_backup(on_sqlite.back_up()) as backup:
        part = next(part for part in backup.manifest.parts if part.table.name == "foundryflow_auditentry")
        names = [column.name for column in part.table.columns]
        said = [(row[names.index("verb")], row[names.index("subject")]) for row in backup.rows(part)]
    assert said[-1] == ("made a backup", "first.backup")
    assert any(verb == "restored a backup of" and subject.endswith(" UTC") for verb, subject in said)


def test_it_can_be_led_through_a_pipe(on_sqlite, tmp_path):
    piped = tmp_path / "piped.backup"
    with piped.open("wb") as out:
        command = [sys.executable, "manage.py", "backup", "-"]
        done = subprocess.run(command, cwd=ROOT, env=on_sqlite.environment, stdout=out, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    assert digests(piped) == digests(on_sqlite.back_up())
