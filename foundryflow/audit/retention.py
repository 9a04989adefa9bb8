"""How long entries of the audit log are kept. Whoever deletes old runs deletes old entries, too."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from foundryflow.audit.record import SERVER, Origin, Repeats, Subject, record
from foundryflow.models import AuditEntry
from foundryflow.retention import AUDIT_LOG, words_of

MOST_ERASED = 1_000  # entries of one transaction
DAY = timedelta(days=1)
RETENTION = Origin(SERVER.via, actor=SERVER.actor, source="retention")


@transaction.atomic
def erase_expired_entries() -> bool:
    """Erases some of those that are too old; whether there was any. That they were is an entry itself."""
    moment = AUDIT_LOG.erases_before()
    if moment is None:
        return False
    expired = AuditEntry.objects.filter(at__lt=moment).order_by("at", "id")
    found = list(expired.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_ERASED])
    if found:
        AuditEntry.objects.filter(pk__in=found).delete()
        record_erasure(len(found), "entries of the audit log", AUDIT_LOG.days_in_effect())
    return bool(found)


def record_erasure(count: int, what: str, days: int) -> None:
    """One entry a day counts what was erased."""
    detail = f"older than {words_of(days)}"
    repeats = Repeats(DAY, counted="erased", times=count, apart=what)
    record(RETENTION, "erased", Subject("server", what), detail, repeats=repeats)
