"""How long entries of the audit log are kept. Whoever deletes old runs deletes old entries, too."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from foundryflow.audit.record import SERVER, Origin, Repeats, Subject, record
from foundryflow.models import AuditEntry

MOST_ERASED = 1_000  # entries of one transaction
DAY = timedelta(days=1)
RETENTION = Origin(SERVER.via, actor=SERVER.actor, source="retention")


def audit_retention_days() -> int:
    """0 keeps entries for ever."""
    days: int = settings.AUDIT_RETENTION_DAYS
    return days


@transaction.atomic
def erase_expired_entries() -> bool:
    """Erases some of those that are too old; whether there was any. That they were is an entry itself."""
    days = audit_retention_days()
    if not days:
        return False
    expired = AuditEntry.objects.filter(at__lt=timezone.now() - timedelta(days=days)).order_by("at", "id")
    found = list(expired.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_ERASED])
    if found:
        AuditEntry.objects.filter(pk__in=found).delete()
        record_erasure(len(found), "entries of the audit log", days)
    return bool(found)


def record_erasure(count: int, what: str, days: int) -> None:
    """One entry a day counts what was erased."""
    detail = f"older than {days:,} days"
    repeats = Repeats(DAY, counted="erased", times=count, apart=what)
    record(RETENTION, "erased", Subject("server", what), detail, repeats=repeats)
