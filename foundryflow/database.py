"""The database as everybody meets it: when it is away, how long it is waited for, and connections given back.

Whoever asks on behalf of somebody who looks waits for a few seconds, a run for as long as it takes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    connections,
    transaction,
)

log = logging.getLogger(__name__)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds between two tries
COMMAND = 60.0  # seconds that a command waits
CHECKED_FOR = 2.0  # seconds that the check of a SQLite file may take
RETRY_AFTER = 5  # seconds after which whoever was refused may try again

# Whatever else is wrong with a statement is not better the next time.
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
SQLITE_AWAY = (*BUSY, *UNWRITABLE, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
# Of SQLSTATE: connection, serialization, object in use, operator, system; idle for too long in a transaction, a full
# disk, too many connections.
POSTGRESQL_AWAY = ("08", "40", "55", "57", "58", "25P03", "53100", "53300")
# What may be raised while it is away; `is_away` tells.
MAY_BE_AWAY = (OperationalError, InterfaceError, InternalError)

BACKUP = "The section on backups in docs/running.md says how to bring one back."
MIGRATE = "The database is not as this version needs it: run `python manage.py migrate` first."


# What an error means


def is_away(error: BaseException | None) -> bool:
    """Whether the database was not there for a statement that may well succeed later."""
    if not isinstance(error, MAY_BE_AWAY):
        return False
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return code_of(cause) in SQLITE_AWAY
    state = getattr(cause, "sqlstate", None)
    return not isinstance(error, InternalError) if state is None else state.startswith(POSTGRESQL_AWAY)


def is_damaged(error: BaseException | None) -> bool:
    """Whether the SQLite file is none, or broken."""
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    return isinstance(cause, sqlite3.Error) and code_of(cause) in DAMAGED


def is_missing(error: BaseException | None) -> bool:
    """Whether a table or a column is not there, as in a database that was not migrated."""
    cause = error.__cause__ if isinstance(error, DatabaseError) else error
    if isinstance(cause, sqlite3.Error):
        return str(cause).startswith(("no such table", "no such column"))
    return getattr(cause, "sqlstate", None) in ("42P01", "42703")


def is_expected(error: BaseException | None) -> bool:
    """Whether `sentence_for_operators` has something to say."""
    return is_away(error) or is_damaged(error) or is_missing(error)


def code_of(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part


def sentence_for_visitors(error: BaseException) -> str:
    """What somebody reads whose page or call could not be answered; neither addresses nor paths are in it."""
    cause = error.__cause__
    if is_damaged(error):
        return "The database is damaged. Whoever runs this server finds in its log which file, and what to do."
    if isinstance(cause, sqlite3.Error):
        code = code_of(cause)
        if code in BUSY:
            return "The database is busy: another process is writing to it. Try again in a few seconds."
        if code == sqlite3.SQLITE_FULL:
            return "The disk of the database is full. Whoever runs this server must make room."
        if code in UNWRITABLE:
            return "The database cannot be written. Whoever runs this server must give it the right to."
    return "The database does not answer at the moment. Try again in a few seconds."


def sentence_for_operators(error: BaseException) -> str:
    """The same for whoever starts the server or a command: with the file, and the way out."""
    cause = error.__cause__ if isinstance(error, DatabaseError | InterfaceError) else error
    if is_missing(error):
        return MIGRATE
    if isinstance(cause, sqlite3.Error):
        return sentence_about_file(code_of(cause), str(cause))
    told = driver_message(cause or error).rstrip(".?")
    return f"The database {database_name()} cannot be reached: {told}. Check DATABASE_URL, and that it runs."


def driver_message(error: BaseException) -> str:
    """What the driver says, in one line; of a pool that waited in vain, why it could not connect."""
    told = str(error)
    if type(error).__name__ == "PoolTimeout":
        from foundryflow.pool import PooledConnection

        told = PooledConnection.refused or told
    return " ".join(told.split())[:400]


def sentence_about_file(code: int, told: str) -> str:
    file = sqlite_file()
    match code:
        case sqlite3.SQLITE_NOTADB:
            return f"{file} is no SQLite database, or its beginning is damaged. {BACKUP}"
        case sqlite3.SQLITE_CORRUPT:
            return f"The database file {file} is damaged. {BACKUP}"
        case sqlite3.SQLITE_FULL:
            return f"The disk of the database file {file} is full: make room, then start again."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return f"The database file {file} or its folder cannot be written: give this user the right to."
        case sqlite3.SQLITE_CANTOPEN if not file.parent.is_dir():
            return f"The database file {file} cannot be opened: there is no folder {file.parent}."
        case sqlite3.SQLITE_CANTOPEN:
            return f"The database file {file} cannot be opened: this user must be allowed to write it and its folder."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"The database file {file} is locked by another process: end that one, or try again later."
        case sqlite3.SQLITE_IOERR:
            return f"The database file {file} cannot be read or written ({told}): check the disk. {BACKUP}"
    return f"The database file {file}: {told}."


def sqlite_file() -> Path:
    return Path(str(settings.DATABASES["default"]["NAME"]))


def database_name() -> str:
    """The database as an operator knows it, without user and password."""
    database = settings.DATABASES["default"]
    host = database.get("HOST") or database.get("OPTIONS", {}).get("host") or "on this machine"
    port = f":{database['PORT']}" if database.get("PORT") else ""
    return f"{database['NAME']} at {host}{port}" if database.get("HOST") else f"{database['NAME']} ({host})"


# Waiting


def retry_while_away(attempt: Callable[[], Result], patience: float = COMMAND) -> Result:
    """Tries again while the database is away. What is attempted must not depend on a former try."""
    until, pause = time.monotonic() + patience, FIRST_PAUSE
    while True:
        try:
            return attempt()
        except MAY_BE_AWAY as error:
            if connection.in_atomic_block or not is_away(error) or time.monotonic() + pause > until:
                raise
            note_away(error)
            connection.close()  # the next try gets another one
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


class Throttle:
    """Lets something happen at most once in some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._due = seconds, 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + self._seconds
        return True


note_throttle = Throttle(1.0)


def note_away(error: BaseException, path: str = "") -> None:
    """One line in the log, however many wait: a database that is away for an hour must not fill the disk."""
    if note_throttle():
        if is_damaged(error):
            log.error("action=database_damaged message=%s", sentence_for_operators(error))
            return
        told = driver_message(error.__cause__ or error)
        at = f" path={path}" if path else ""
        log.warning("action=database_away error=%s%s message=%s", type(error).__name__, at, told)


class WithoutTraceback(logging.Filter):
    """A database that is away takes one line of the log, whoever notices it."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and (away := next(filter(is_absence, causes_of(error)), None)):
            record.msg, record.args = f"{record.getMessage()} ({type(away).__name__}: {driver_message(away)})", ()
            record.exc_info = record.exc_text = None
        return True


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_absence(error: BaseException) -> bool:
    """The same as `is_away`, also for errors of psycopg itself."""
    if is_away(error):
        return True
    of_psycopg = type(error).__module__.partition(".")[0] in ("psycopg", "psycopg_pool")
    return of_psycopg and any(each.__name__ in ("OperationalError", "InterfaceError") for each in type(error).__mro__)


# Connections


def giving_connection_back(work: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Gives the connection of the thread back afterwards: streams live long, and some threads nobody cleans up."""

    @wraps(work)
    def giving_back(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return work(*args, **kwargs)
        finally:
            give_connections_back()

    return giving_back


def give_connections_back() -> None:
    """To the pool; a transaction that is open keeps it."""
    for each in connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close()


def in_thread(work: Callable[Parameters, Result]) -> Callable[Parameters, Awaitable[Result]]:
    """Work with the database from a coroutine, which keeps no connection while it does something else."""
    return sync_to_async(giving_connection_back(work))


async def read_patiently(
    work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """What a stream reads: somebody looks at what is there already, so that it may wait longer than a page."""

    @giving_connection_back
    def attempt() -> Result:
        return work(*args, **kwargs)

    until = time.monotonic() + COMMAND
    while True:
        try:
            return await sync_to_async(attempt)()
        except MAY_BE_AWAY as error:
            if not is_away(error) or time.monotonic() > until:
                raise
            note_away(error)
        await asyncio.sleep(LONGEST_PAUSE)


# Jobs of an event loop


class JobExecutor(Protocol):
    """Who writes for an event loop."""

    async def do(self, job: Callable[[], Any], patience: float = math.inf) -> Any: ...


_executors: WeakKeyDictionary[asyncio.AbstractEventLoop, JobExecutor] = WeakKeyDictionary()
# Seconds that a task waits for an absent database; a run sets it to infinity for itself.
patience: ContextVar[float | None] = ContextVar("patience", default=None)


def set_executor(executor: JobExecutor | None) -> None:
    """Whom `execute` asks on this event loop; nobody when None."""
    loop = asyncio.get_running_loop()
    if executor is None:
        _executors.pop(loop, None)
    else:
        _executors[loop] = executor


async def execute(job: Callable[[], Any]) -> Any:
    """A job in a transaction, together with all others of this event loop. Raises OperationalError when it is away."""
    allowed = patience.get()
    seconds = float(settings.DATABASE_WAIT) if allowed is None else allowed
    executor = _executors.get(asyncio.get_running_loop())
    if executor is not None:
        return await executor.do(job, seconds)
    return await in_thread(retry_while_away)(lambda: run_in_transaction(job), seconds)


def run_in_transaction(job: Callable[[], Any]) -> Any:
    """In a transaction of its own. An outcome may be an exception."""
    with transaction.atomic():
        outcome = job()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


# Before the server starts


class Unusable(Exception):
    """The database cannot be used; the message says why, and what to do."""


def check_file() -> None:
    """Whether the SQLite file can be read, written and believed, as far as two seconds tell. Raises Unusable."""
    if settings.POSTGRESQL:
        return
    file = sqlite_file()
    if not file.parent.is_dir():
        raise Unusable(sentence_about_file(sqlite3.SQLITE_CANTOPEN, ""))
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=CHECKED_FOR, isolation_level=None)) as opened:
            told = quick_check(opened)
            if told == "ok":
                opened.execute("BEGIN IMMEDIATE")
                opened.execute("ROLLBACK")
    except sqlite3.Error as error:
        if code_of(error) not in BUSY:
            raise Unusable(sentence_about_file(code_of(error), str(error))) from None
        return
    if told != "ok":
        raise Unusable(sentence_about_file(sqlite3.SQLITE_CORRUPT, told))


def quick_check(opened: sqlite3.Connection) -> str:
    """What SQLite says of its file: ok, also when the time was not enough to find anything, or what is wrong."""
    opened.execute("PRAGMA schema_version")
    until = time.monotonic() + CHECKED_FOR
    opened.set_progress_handler(lambda: int(time.monotonic() > until), 10_000)
    try:
        (told,) = opened.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        told = "ok"
    opened.set_progress_handler(None, 0)
    return str(told)
