"""Whether this process can do its work, for load balancers; and what the database still needs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from foundryflow.access import anyone
from foundryflow.database.errors import MAY_BE_AWAY, is_damaged, is_expected
from foundryflow.system.registry import engine

FRESH = 5.0  # seconds that migrations are not looked at again: anybody may ask


@dataclass
class Remembered:
    at: float = -FRESH  # time.monotonic()
    missing: int = 0


_remembered = Remembered()


def missing_migrations() -> int:
    """How many the code has and the database has not."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def recently_missing_migrations() -> int:
    """The same, as it was at most a few seconds ago."""
    if time.monotonic() - _remembered.at > FRESH:
        _remembered.missing = missing_migrations()
        _remembered.at = time.monotonic()
    return _remembered.missing


@anyone
@require_safe
def show_readiness(request: HttpRequest) -> HttpResponse:
    """200 `ready`, or 503 and what is not: `database`, `migrations`, `engine`."""
    word = find_trouble()
    response = HttpResponse(word or "ready", status=503 if word else 200, content_type="text/plain")
    response._has_been_logged = True  # type: ignore[attr-defined]  # it is asked every few seconds
    return response


def find_trouble() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if recently_missing_migrations():
            return "migrations"
    except Exception as error:
        if not (isinstance(error, MAY_BE_AWAY) or is_expected(error) or is_damaged(error)):
            raise
        return "database"
    return "" if engine().is_open() else "engine"
