"""A SQLite file, in a thread."""

from __future__ import annotations

import sqlite3
import threading
import time
from urllib.parse import quote

from connections.databases.parameters import BACKTICKS, BRACKETS, Dialect, bind, plain_value, tokens
from connections.databases.places import FileRules
from connections.databases.query import DatabaseQuery, QueryResult, RowCollector, check_columns, timed_out, too_large
from connections.databases.threads import DriverThreads
from connections.kinds.base import DataSourceError, DataTarget

DIALECT = Dialect(lambda n: "?", plain_value, tokens(BACKTICKS, BRACKETS))
LONGEST_WAIT = 5.0  # seconds for whoever writes to the file
STEPS = 10_000  # of SQLite's machine between two looks at the clock
NEVER = (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT)
READING_PRAGMAS = (
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
)


class SqliteSession:
    """Opens the file for each query: that is cheap, and whoever may write to it is decided by the query."""

    def __init__(self, target: DataTarget, rules: FileRules, threads: DriverThreads) -> None:
        self._path, self._rules, self._threads, self.is_usable = target.address.database, rules, threads, True

    async def run(self, query: DatabaseQuery) -> QueryResult:
        stop = threading.Event()
        return await self._threads.run(lambda: run_query(self._rules.check(self._path), query, stop), stop.set)

    async def aclose(self) -> None:
        self.is_usable = False


def run_query(path: str, query: DatabaseQuery, stop: threading.Event) -> QueryResult:
    """Blocks until the query has ended, failed, timed out or `stop` is set. Raises DataSourceError."""
    deadline = time.monotonic() + query.timeout
    statement = bind(query.sql, query.parameters, DIALECT)
    try:
        database = open_file(path, query)
    except sqlite3.Error as error:
        raise DataSourceError("unreachable", f"{path}: {error}.", "Check that it is a SQLite file.") from None
    try:
        database.set_progress_handler(lambda: stop.is_set() or time.monotonic() > deadline, STEPS)
        database.execute("BEGIN IMMEDIATE" if query.may_change else "BEGIN")
        database.set_authorizer(lambda *asked: authorise(*asked))
        cursor = database.execute(statement.sql, statement.values)
        collector, columns = RowCollector(query), None
        if cursor.description:
            columns = check_columns([column[0] for column in cursor.description])
            for row in cursor:
                collector.add(row)
        database.set_authorizer(None)
        database.execute("COMMIT" if query.may_change else "ROLLBACK")
        return QueryResult(columns, collector.rows, cursor.rowcount if cursor.rowcount >= 0 else None)
    except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as error:
        raise statement_error(error, query) from None
    finally:
        database.close()


def open_file(path: str, query: DatabaseQuery) -> sqlite3.Connection:
    mode = "rw" if query.may_change else "ro"
    wait = min(LONGEST_WAIT, query.timeout)
    database = sqlite3.connect(f"file:{quote(path)}?mode={mode}", uri=True, isolation_level=None, timeout=wait)
    database.text_factory = lambda text: text.decode("utf-8", "replace")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(query.most_bytes, 1_000_000))
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.execute(f"PRAGMA query_only = {'OFF' if query.may_change else 'ON'}")
    return database


def authorise(action: int, first: str | None, *_: str | None) -> int:
    """Nothing that reaches other files, ends our transaction or changes how the file is opened."""
    if action in NEVER or (action == sqlite3.SQLITE_PRAGMA and first not in READING_PRAGMAS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def statement_error(error: Exception, query: DatabaseQuery) -> DataSourceError:
    said, code = str(error), getattr(error, "sqlite_errorname", "")
    if code == "SQLITE_INTERRUPT":
        return timed_out(query)
    if code.startswith("SQLITE_TOOBIG") or isinstance(error, sqlite3.DataError):
        return too_large(query)
    if code.startswith("SQLITE_READONLY"):
        return DataSourceError("not_allowed", f"The statement changes data: {said}.", "Allow it with May change data.")
    if code == "SQLITE_AUTH":
        return DataSourceError(
            "not_allowed",
            f"The statement is not allowed: {said}.",
            "Other files, transactions and settings are out of reach.",
        )
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return DataSourceError("timeout", "Somebody else writes to the file.", "Try again.")
    return DataSourceError("query", f"{said}.", "", sqlstate=code)
