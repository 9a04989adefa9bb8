"""Checked before the server starts: every URL says who may use it, and SQLite is new enough."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

OLDEST_SQLITE = (3, 35, 0)


def register_all() -> None:
    register(every_url_says_who_may, Tags.urls)
    register(sqlite_returns_rows)


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
