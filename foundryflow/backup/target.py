"""Where a backup is restored: a database that nobody uses, which stays as it was unless everything has come to its
end."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from foundryflow.backup.format import BackupError
from foundryflow.backup.level import Level, applied_migrations, migrate_others
from foundryflow.backup.output import sync
from foundryflow.backup.tables import LEFT_OUT, owned_apps, owned_models, owned_tables
from foundryflow.database.sqlite_file import BESIDE, lock_beside, sqlite_file

STOP = "Stop the server and every worker, then start this again."
IN_USE = (
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
    " AND backend_type = 'client backend' AND application_name <> %s"
)
SETTINGS = (
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = '10s'",
    "SET CONSTRAINTS ALL IMMEDIATE",  # a migration cannot change a table whose rows are still to be checked
)
# What every start leaves behind, also in an empty database.
LEFT_BY_STARTS = LEFT_OUT | {"foundryflow.keycanary", "foundryflow.storedsetting"}


@contextmanager
def replaced_database(*, replace: bool) -> Iterator[None]:
    """The default database without any table of ours, to be made and filled. Raises BackupError.

    What it held is gone when everything went well, else it is there as before.
    """
    if connection.vendor == "postgresql":
        with replaced_tables(replace=replace):
            yield
    else:
        with replaced_file(replace=replace):
            yield


def refuse_content(*, replace: bool) -> None:
    """Raises BackupError when rows would be lost that nobody has given up."""
    found = [] if replace else content()
    if found:
        raise BackupError(
            f"The database is not empty: it holds {', '.join(found)}. `--replace` replaces everything in it"
            " by the backup; nothing of it is kept."
        )


def content() -> list[str]:
    """What the database holds, such as "3 flows", as far as its tables are known to this version."""
    there = {*connection.introspection.table_names()}
    found = []
    for model in owned_models(apps):
        meta = model._meta
        if meta.db_table in there and meta.label_lower not in LEFT_BY_STARTS and (count := model._base_manager.count()):
            found.append(f"{count:,} {meta.verbose_name if count == 1 else meta.verbose_name_plural}")
    return found


# SQLite: another file is made, and takes the place of this one


@contextmanager
def replaced_file(*, replace: bool) -> Iterator[None]:
    file = sqlite_file()
    made = file.with_name(f"{file.name}.restoring")
    if not file.parent.is_dir():
        raise BackupError(f"There is no folder {file.parent} for the database.")
    with ExitStack() as stack:
        stack.enter_context(no_server(file))
        if file.exists():
            refuse_content(replace=replace)
            connection.close()
            stack.enter_context(exclusive_file(file))
        remove(made)
        try:
            with database_file(made):
                yield
            with exclusive_file(made):  # nothing is beside it any more
                sync(made)
            for end in BESIDE[1:]:  # of a damaged database; SQLite would put them into the new one
                with suppress(FileNotFoundError):
                    os.unlink(f"{file}{end}")
            made.rename(file)
            sync(file.parent)
        finally:
            remove(made)


@contextmanager
def no_server(file: Path) -> Iterator[None]:
    """No server serves the file meanwhile."""
    try:
        handle = lock_beside(file)
    except BlockingIOError:
        raise BackupError(f"A server is running on {file}. {STOP}") from None
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def exclusive_file(file: Path) -> Iterator[None]:
    """Nobody else opens it meanwhile, and everything is in this one file."""
    with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as held:
        try:
            held.execute("PRAGMA journal_mode = DELETE")  # which SQLite refuses while another process has it open
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            raise BackupError(f"Another process has {file} open. {STOP}") from None
        except sqlite3.DatabaseError:
            pass  # it is damaged, and no process can use it
        yield


@contextmanager
def database_file(file: Path) -> Iterator[None]:
    """The default database is another file."""
    configured = settings.DATABASES["default"]
    name = configured["NAME"]
    connection.close()
    configured["NAME"] = connection.settings_dict["NAME"] = str(file)
    try:
        yield
    finally:
        connection.close()  # the last one: everything is in the file itself then
        configured["NAME"] = connection.settings_dict["NAME"] = name


def remove(file: Path) -> None:
    for end in BESIDE:
        with suppress(FileNotFoundError):
            os.unlink(f"{file}{end}")


# PostgreSQL: one transaction drops the tables, and makes and fills others


@contextmanager
def replaced_tables(*, replace: bool) -> Iterator[None]:
    refuse_company(name_connections())
    refuse_content(replace=replace)
    migrate_others()
    with transaction.atomic():
        with connection.cursor() as cursor:
            for setting in SETTINGS:
                cursor.execute(setting)
        drop_tables()
        yield


def refuse_company(name: str) -> None:
    """Raises BackupError while connections with another name than this are open."""
    with connection.cursor() as cursor:
        cursor.execute(IN_USE, [name])
        (others,) = cursor.fetchone()
    if others:
        counted = "Another process is" if others == 1 else f"{others} other processes are"
        raise BackupError(f"{counted} connected to the database. {STOP}")


def name_connections() -> str:
    """So that those of this process, the spare ones of its pool included, can be told from others."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's
    name = f"foundryflow restore {os.getpid()}"
    connection.settings_dict["OPTIONS"]["application_name"] = name
    return name


def drop_tables() -> None:
    there = {*connection.introspection.table_names()}
    known = {*owned_tables(apps)}
    if "django_migrations" in there:
        level = Level()
        known |= {*owned_tables(level.registry_at(level.known_of(applied_migrations())))}
    with connection.cursor() as cursor:
        for table in sorted(known & there):
            cursor.execute(f'DROP TABLE "{table}" CASCADE')
        if "django_migrations" in there:
            cursor.execute("DELETE FROM django_migrations WHERE app = ANY(%s)", [sorted(owned_apps(apps))])
