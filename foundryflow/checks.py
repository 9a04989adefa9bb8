"""Checked before the server starts: the key ring opens what is stored, and every URL says who may use it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.urls import URLPattern, URLResolver, get_resolver

OLDEST_SQLITE = (3, 35, 0)


def register_all() -> None:
    register(key_ring, Tags.security)
    register(every_url_says_who_may, Tags.urls)
    register(sqlite_returns_rows)
    register(stored_keys_can_be_read, Tags.database)


def key_ring(**kwargs: Any) -> list[CheckMessage]:
    from connections.fields import check_key_ring

    try:
        check_key_ring(settings.FIELD_ENCRYPTION_KEY)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="foundryflow.E001")]
    return []


def sqlite_returns_rows(**kwargs: Any) -> list[CheckMessage]:
    """The engine claims runs with UPDATE … RETURNING."""
    if settings.POSTGRESQL or sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        return []
    found, wanted = sqlite3.sqlite_version, ".".join(map(str, OLDEST_SQLITE))
    return [
        Error(
            f"SQLite {found} is too old: runs need {wanted} or newer.",
            hint="Use a Python with a newer SQLite, or PostgreSQL (DATABASE_URL).",
            id="foundryflow.E003",
        )
    ]


def every_url_says_who_may(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{pattern.callback.__module__}.{pattern.callback.__name__} does not say who may use it.",
            id="foundryflow.E002",
        )
        for pattern in patterns(get_resolver().url_patterns)
        if not hasattr(pattern.callback, "access")
    ]


def patterns(entries: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns)
        else:
            yield entry


def stored_keys_can_be_read(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Runs with `check --database default` and at every start of the server."""
    from connections.fields import Unreadable
    from connections.models import Connection

    if not databases or Connection._meta.db_table not in connection.introspection.table_names():
        return []  # migrate checks, too, before there is a table
    unreadable = [c.name for c in Connection.objects.only("name", "key") if isinstance(c.key, Unreadable)]
    if not unreadable:
        return []
    return [
        Warning(
            f"The keys of these connections cannot be read: {', '.join(unreadable)}.",
            hint="Restore the former key at the end of FOUNDRYFLOW_ENCRYPTION_KEY, or re-enter them.",
            id="foundryflow.W001",
        )
    ]
