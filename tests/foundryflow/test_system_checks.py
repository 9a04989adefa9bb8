import sqlite3

from foundryflow.checks import sqlite_returns_rows


def test_a_sqlite_that_cannot_return_what_it_changed_is_named_before_anything_starts(monkeypatch, settings):
    settings.POSTGRESQL = False
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    (error,) = sqlite_returns_rows()
    assert "SQLite 3.34.1 is too old: runs need 3.35.0 or newer" in error.msg
    assert "PostgreSQL" in error.hint


def test_the_sqlite_of_this_python_is_new_enough():
    assert sqlite_returns_rows() == []
