import sqlite3

import pytest
from django.db import connection

from connections.checks import stored_keys_can_be_read
from foundryflow.checks import sqlite_returns_rows
from tests.factories import make_connection
from tests.processes import installed_on, ran


def test_a_database_that_migrate_has_made_from_nothing_passes_the_checks(migrated):
    code, said = ran(["manage.py", "check", "--database", "default"], 60, installed_on(f"sqlite:///{migrated}"))
    assert code == 0, said


@pytest.mark.django_db
def test_keys_that_the_key_ring_does_not_open_are_named():
    stored = make_connection(name="old one")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE connections_connection SET key = 'gAAAAABmnot-a-token' WHERE id = %s", [stored.pk])
    (warning,) = stored_keys_can_be_read(databases=["default"])
    assert "old one" in warning.msg


def test_a_sqlite_that_cannot_return_what_it_changed_is_named_before_anything_starts(monkeypatch, settings):
    settings.POSTGRESQL = False
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    (error,) = sqlite_returns_rows()
    assert "SQLite 3.34.1 is too old: runs need 3.35.0 or newer" in error.msg
    assert "PostgreSQL" in error.hint


def test_the_sqlite_of_this_python_is_new_enough():
    assert sqlite_returns_rows() == []
