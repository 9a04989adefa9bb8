"""An entry as a list shows it: a sentence, from where, and whether it was refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from foundryflow.audit.kinds import addresses_of
from foundryflow.models import AuditEntry
from foundryflow.models.audit_entry import Via

LONGEST_SUBJECT = 80  # characters in a list
UNKNOWN = "Somebody"  # an entry from before names were kept, of a person who is gone


@dataclass(frozen=True)
class AuditRow:
    entry: AuditEntry
    address: str  # of the page of its subject; empty where there is none any more

    @property
    def when(self) -> str:
        """14:07:41 of today, 26 Nov 14:07 of this year, else with the year and without the time."""
        at, now = timezone.localtime(self.entry.at), timezone.localtime()
        if at.date() == now.date():
            return f"{at:%H:%M:%S}"
        day = f"{at.day} {at:%b}"
        return f"{day} {at:%H:%M}" if at.year == now.year else f"{day} {at.year}"

    @property
    def who(self) -> str:
        return self.entry.actor or UNKNOWN

    @property
    def verb(self) -> str:
        """With the blank before its subject, if it has one."""
        return f"{self.entry.verb} " if self.entry.subject else self.entry.verb

    @property
    def subject(self) -> str:
        entry = self.entry
        return f"{entry.count:,} {entry.subject}" if entry.data.get("counted") == "erased" else entry.subject

    @property
    def short_subject(self) -> str:
        return self.subject if len(self.subject) <= LONGEST_SUBJECT else f"{self.subject[: LONGEST_SUBJECT - 1]}…"

    @property
    def detail(self) -> str:
        """With what stands between it and the subject."""
        detail = self.entry.detail
        return detail if detail.startswith((":", ",")) or not detail else f" {detail}"

    @property
    def count(self) -> str:
        """ ", 4 calls"; empty for what happened once, unless calls are counted."""
        count, counted = self.entry.count, str(self.entry.data.get("counted", "times"))
        if counted == "erased":  # stands before what was erased
            return ""
        if counted == "more":
            return f", and {count - 1:,} more" if count > 1 else ""
        if counted == "calls":
            return f", {count:,} call{'' if count == 1 else 's'}"
        return f", {count:,} {counted}" if count > 1 else ""

    @property
    def sentence(self) -> str:
        """ "Ada Nilsen invited hana@contoso.example as runner"."""
        return f"{self.who} {self.verb}{self.subject}{self.detail}{self.count}"

    @property
    def place(self) -> str:
        """ "browser · 10.20.4.17", "key ffk_3_… · 10.20.7.2", "command line", "retention"."""
        entry = self.entry
        way = entry.source or str(Via(entry.via).label if entry.via in Via.values else entry.via)
        return " · ".join(filter(None, (way, entry.address)))


def audit_rows(entries: Iterable[AuditEntry]) -> list[AuditRow]:
    listed = list(entries)
    addresses = addresses_of(listed)
    return [AuditRow(entry, addresses.get((entry.kind, entry.subject_id or 0), "")) for entry in listed]


def entries_about(kind: str, pk: int) -> QuerySet[AuditEntry]:
    """The newest first."""
    return AuditEntry.objects.filter(kind=kind, subject_id=pk)
