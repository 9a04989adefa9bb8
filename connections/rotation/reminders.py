"""How old the key of a connection may become, and when its people are reminded."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connections.audit import subject_of
from connections.models import Connection
from connections.rotation.steps import key_field
from foundryflow.audit.record import Origin, record


def reminder_days(connection: Connection) -> int:
    """Days after which its key is to be replaced; 0 for never."""
    own = connection.remind_after_days
    days: int = settings.KEY_REMINDER_DAYS if own is None else own
    return days if key_field(connection) else 0


def due_at(connection: Connection) -> datetime | None:
    """When its key is to be replaced; None for never."""
    days = reminder_days(connection)
    return connection.key_changed_at + timedelta(days=days) if days else None


def is_due(connection: Connection) -> bool:
    at = due_at(connection)
    return at is not None and at <= timezone.now()


def reminder_choices() -> list[tuple[str, str]]:
    server = settings.KEY_REMINDER_DAYS
    days = [(str(number), f"{number} days") for number in (30, 60, 90, 180, 365)]
    return [("", f"As the server says ({f'{server} days' if server else 'never'})"), *days, ("0", "Never")]


@transaction.atomic
def set_reminder(connection: Connection, days: int | None, by: Origin) -> None:
    """After how many days the key is to be replaced; 0 for never, None as the server's setting says."""
    Connection.objects.filter(pk=connection.pk).update(remind_after_days=days)
    said = "as the server says" if days is None else f"after {days} days" if days else "never"
    record(by, "changed the reminder of", subject_of(connection), f": {said}")
