"""What an error of the database means, and what people read of it."""

from __future__ import annotations

import sqlite3

from django.conf import settings
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError

from foundryflow.database.sqlite_file import sqlite_file

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
        from foundryflow.database.pool import PooledConnection

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


def database_name() -> str:
    """The database as an operator knows it, without user and password."""
    database = settings.DATABASES["default"]
    host = database.get("HOST") or database.get("OPTIONS", {}).get("host") or "on this machine"
    port = f":{database['PORT']}" if database.get("PORT") else ""
    return f"{database['NAME']} at {host}{port}" if database.get("HOST") else f"{database['NAME']} ({host})"
