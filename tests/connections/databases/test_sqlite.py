"""Queries on a SQLite file, and the files that are out of reach."""

import asyncio
import os
import sqlite3
import time

import pytest

from connections.clients import configured_files
from connections.databases.query import DatabaseQuery
from connections.kinds.address import DataAddress
from connections.kinds.base import DataSourceError, DataTarget

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS n FROM n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "customers.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, photo BLOB)")
        made.execute("INSERT INTO customers VALUES (1, 'Ada', x'00ff'), (2, 'Bob', NULL)")
    made.close()
    return path


def target(path):
    return DataTarget("file", "sqlite", DataAddress("sqlite", database=str(path)))


async def failure(client, path, query):
    with pytest.raises(DataSourceError) as failed:
        await client.query(target(path), query)
    return failed.value


async def test_rows_come_as_values_that_json_knows(client, file):
    found = await client.query(
        target(file), DatabaseQuery("SELECT * FROM customers WHERE name = :n OR id = :i", {"n": "Ada", "i": 2})
    )
    assert found.columns == ("id", "name", "photo")
    assert found.rows == [(1, "Ada", "AP8="), (2, "Bob", None)]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("DELETE FROM customers", "not_allowed"),
        ("CREATE TABLE x (a)", "not_allowed"),
        ("PRAGMA query_only = OFF", "not_allowed"),
        ("ATTACH DATABASE '/tmp/other.db' AS other", "not_allowed"),
        ("COMMIT", "not_allowed"),
        ("SELECT 1 AS a; DELETE FROM customers", "query"),
        ("SELECT nope FROM customers", "query"),
        ("SELECT load_extension('x') AS a", "query"),
        ("SELECT :big AS a", "query"),
        (ENDLESS, "timeout"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(client, file, sql, kind):
    parameters = {"big": 2**80} if ":big" in sql else {}
    error = await failure(client, file, DatabaseQuery(sql, parameters, timeout=0.3))
    assert error.kind == kind, error.message
    assert (await client.query(target(file), DatabaseQuery("SELECT count(*) AS n FROM customers"))).rows == [(2,)]


@pytest.mark.parametrize("sql", ["VACUUM INTO '{}'", "ATTACH '{}' AS x", "PRAGMA journal_mode = DELETE"])
async def test_other_files_are_out_of_reach_also_where_changes_are_allowed(client, file, tmp_path, sql):
    error = await failure(client, file, DatabaseQuery(sql.format(tmp_path / "other.db"), may_change=True))
    assert error.kind in ("not_allowed", "query")
    assert not (tmp_path / "other.db").exists()


async def test_changes_are_counted_and_kept_where_they_are_allowed(client, file):
    changed = await client.query(target(file), DatabaseQuery("UPDATE customers SET name = 'x'", may_change=True))
    assert (changed.columns, changed.changed) == (None, 2)
    assert (await client.query(target(file), DatabaseQuery("SELECT DISTINCT name FROM customers"))).rows == [("x",)]


async def test_limits_stop_what_would_be_large(client, file):
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000) SELECT i FROM n"
    assert (await failure(client, file, DatabaseQuery(rows, most_rows=1_000))).kind == "too_many_rows"
    large = "SELECT hex(zeroblob(3000000)) AS a"
    assert (await failure(client, file, DatabaseQuery(large, most_bytes=1_000))).kind == "too_large"


async def test_a_cancellation_ends_the_thread(client, file):
    task = asyncio.create_task(client.query(target(file), DatabaseQuery(ENDLESS, timeout=60)))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 2


async def test_only_files_in_listed_directories_are_opened(client, file, tmp_path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.db"
    sqlite3.connect(elsewhere).close()
    elsewhere.touch()
    (tmp_path / "link.db").symlink_to(elsewhere)
    for path in (elsewhere, tmp_path / "link.db", tmp_path / ".." / elsewhere.parent.name / "x.db", tmp_path):
        assert (await failure(client, path, DatabaseQuery("SELECT 1 AS a"))).kind == "blocked_destination"
    (tmp_path / "none.db").unlink(missing_ok=True)
    assert (await failure(client, tmp_path / "none.db", DatabaseQuery("SELECT 1 AS a"))).kind == "unreachable"
    (tmp_path / "text.db").write_text("no database, only some text that is long enough")
    assert (await failure(client, tmp_path / "text.db", DatabaseQuery("SELECT * FROM a"))).kind == "query"


async def test_the_database_of_the_product_is_never_opened(client, file, tmp_path, settings, monkeypatch):
    settings.SQLITE_DIRECTORIES = [str(tmp_path)]
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(file))
    settings.POSTGRESQL = False
    client.files = configured_files()
    os.link(file, tmp_path / "another-name.db")
    for path in (file, tmp_path / "another-name.db"):
        error = await failure(client, path, DatabaseQuery("SELECT 1 AS a"))
        assert "the database of this product" in error.message
