"""A backup of a version before is restored as that version had it, and then migrated."""

import hashlib

import pytest

from foundryflow.backup.format import encode_row
from foundryflow.backup.read import open_backup
from tests.foundryflow.backup.installations import manifest_of
from tests.foundryflow.backup.test_damaged_backups import forged

# Writes a backup as the version did whose newest migrations are these.
MAKE = """
import django, sys
django.setup()
from foundryflow.backup.level import Level, migrate_to, node_of
from foundryflow.backup.source import open_source
from foundryflow.backup.write import write_backup
from foundryflow.encryption.keys import key_ring
from django.db import connection
from django.db.migrations.loader import MigrationLoader

before = {"foundryflow": "0004", "flows": "0014"}
level = Level()
graph = MigrationLoader(None).graph

def is_later(node):
    return node[1] > before.get(node[0], "9") + "~"

# What needs a later one is later itself.
migrations = [name for name in level.newest if not any(map(is_later, graph.forwards_plan(node_of(name))))]
assert len(migrations) < len(level.newest)
migrate_to(migrations)
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO auth_user (username, password, first_name, last_name, email, is_staff, is_superuser, is_active,"
        " date_joined) VALUES ('old', 'digest', '', '', '', true, true, true, '2025-01-01 00:00:00')"
    )
    cursor.execute("INSERT INTO flows_flow (name, slug, room, created_at, changed_at) VALUES"
        " ('Old', 'old', 'designer', '2025-01-01 00:00:00', '2025-01-01 00:00:00')")
    cursor.execute("INSERT INTO flows_revision (flow_id, number, document, note, created_at) VALUES"
        " (1, 1, '{}', 'created', '2025-01-01 00:00:00')")
    cursor.execute("INSERT INTO flows_run (flow_id, revision_id, state, inputs, via, priority, parent_path,"
        " request_digest, created_at, ended_at, attempt, crash_path, crashes, cancelled_by, prompt_tokens,"
        " completion_tokens, last_event) VALUES (1, 1, 'succeeded', '{}', 'api', 0, '', '', '2025-01-01 00:00:00',"
        " '2025-01-01 00:00:09', 1, '', 0, '', 5, 6, 1)")
with open_source() as source, open(sys.argv[1], "wb") as out:
    write_backup(source, out, level.tables_at(migrations), migrations, key_ring(), lambda *_: None)
"""


@pytest.fixture(scope="module")
def old_file(new_sqlite, tmp_path_factory):
    file = tmp_path_factory.mktemp("old") / "old.backup"
    new_sqlite().run_script(MAKE, str(file))
    names = {part.table.name for part in manifest_of(file).parts}
    assert "foundryflow_account" not in names
    return file


@pytest.mark.parametrize("kind", ["new_sqlite", "new_postgresql"])
def test_it_is_brought_up_to_date(kind, old_file, request):
    installation = request.getfixturevalue(kind)()
    installation.restore(old_file)
    found = {}
    with open_backup(installation.back_up()) as backup:
        for part in backup.manifest.parts:
            names = [column.name for column in part.table.columns]
            found[part.table.name] = [dict(zip(names, row, strict=True)) for row in backup.rows(part)]
    assert [row["username"] for row in found["auth_user"]] == ["old"]
    # A later migration gave everybody an account, and triggers have counted the run.
    assert [row["role"] for row in found["foundryflow_account"]] == ["administrator"]
    assert sorted((row["hour"] == 0, row["prompt_tokens"]) for row in found["flows_hourlyfigures"]) == [
        (False, 5),
        (True, 5),
    ]
    assert [row["via"] for row in found["flows_rungroup"]] == ["api"]


def kept_rows(manifest):
    """How many rows each table has, but for those in which a backup says that it was made."""
    said = {"foundryflow_auditentry", "foundryflow_storedsetting"}
    return {part.table.name: part.rows for part in manifest.parts if part.table.name not in said}


@pytest.mark.parametrize("kind", ["new_sqlite", "new_postgresql"])
def test_what_a_migration_refuses_leaves_the_database_as_it_was(kind, old_file, filled_file, request, tmp_path):
    """A row that no flow belongs to: found when everything else has been written."""
    with open_backup(old_file) as backup:
        part = next(part for part in backup.manifest.parts if part.table.name == "flows_run")
        (row,) = backup.rows(part)
    row[[column.name for column in part.table.columns].index("flow_id")] = 99
    line = encode_row(row)

    def change(manifest):
        for table in manifest["tables"]:
            if table["table"] == "flows_run":
                table.update(bytes=len(line), sha256=hashlib.sha256(line).hexdigest())

    file = forged(old_file, tmp_path / "orphan", parts={part.file: line}, change=change)
    installation = request.getfixturevalue("on_sqlite" if kind == "new_sqlite" else "on_postgresql")
    before = manifest_of(installation.back_up())
    code, told = installation.manage("restore", str(file), "--replace")
    assert code == 1
    assert "Traceback" not in told
    after = manifest_of(installation.back_up())
    assert kept_rows(after) == kept_rows(before)
    assert after.migrations == before.migrations
