"""Checked before the server starts: the key ring is one, and opens the keys that are stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from connections.fields import UnreadableSecret, check_key_ring
from connections.models import Connection


def register_all() -> None:
    register(key_ring, Tags.security)
    register(stored_keys_can_be_read, Tags.database)


def key_ring(**kwargs: Any) -> list[CheckMessage]:
    try:
        check_key_ring(settings.FIELD_ENCRYPTION_KEY)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="foundryflow.E001")]
    return []


def stored_keys_can_be_read(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Runs with `check --database default` and at every start of the server."""
    if not databases or Connection._meta.db_table not in connection.introspection.table_names():
        return []  # migrate checks, too, before there is a table
    unreadable = [c.name for c in Connection.objects.only("name", "key") if isinstance(c.key, UnreadableSecret)]
    if not unreadable:
        return []
    return [
        Warning(
            f"The keys of these connections cannot be read: {', '.join(unreadable)}.",
            hint="Restore the former key at the end of FOUNDRYFLOW_ENCRYPTION_KEY, or re-enter them.",
            id="foundryflow.W001",
        )
    ]
