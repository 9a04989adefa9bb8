"""How long things are kept, as the System page shows and changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.http import HttpRequest

from foundryflow import retention
from foundryflow.audit.record import Subject, origin_of, record
from foundryflow.models import AuditEntry
from foundryflow.retention import FOR_EVER, Retention
from foundryflow.system.registry import BoundedCount, engine

MOST_COUNTED = 100_000  # entries


@dataclass(frozen=True)
class RetentionRow:
    """One kind of things, and what was just done about it."""

    kept: Retention
    days: int
    words: str
    saved_from: int | None = None  # days; what Undo goes back to
    asked: str = ""  # what a change would erase, before it is made
    wanted: int | None = None  # days that are asked for
    error: str = ""

    @property
    def choices(self) -> list[tuple[int, str, bool]]:
        """With their words, and whether they are chosen."""
        chosen = self.days if self.wanted is None else self.wanted
        known = sorted({*retention.CHOICES, self.days, chosen} - {FOR_EVER})
        return [(days, retention.words_of(days), days == chosen) for days in (*known, FOR_EVER)]

    @property
    def wanted_words(self) -> str:
        return "" if self.wanted is None else retention.words_of(self.wanted)


KINDS = {kept.slug: kept for kept in (retention.RUNS, retention.AUDIT_LOG)}
NAMES = {retention.RUNS: ("run", "runs"), retention.AUDIT_LOG: ("entry", "entries")}


def row_of(kept: Retention, **more: object) -> RetentionRow:
    days = kept.days()
    return RetentionRow(kept, days, retention.words_of(days), **more)  # type: ignore[arg-type]


def retention_rows(changed: RetentionRow | None = None) -> list[RetentionRow]:
    return [changed if changed and changed.kept == kept else row_of(kept) for kept in KINDS.values()]


def change_retention(request: HttpRequest, kept: Retention, text: str, *, confirmed: bool) -> RetentionRow:
    """Sets the days, unless that erases something and nobody was asked yet. The row then says how it went."""
    if kept.is_fixed:
        return row_of(kept, error=f"{kept.variable} decides this. Change it there, and restart the server.")
    try:
        days = retention.check_days(text)
    except ValueError as error:
        return row_of(kept, error=str(error))
    before = kept.days()
    if days == before:
        return row_of(kept)
    if is_shorter(days, before) and not confirmed and (asked := question_of(kept, days)):
        return row_of(kept, asked=asked, wanted=days)
    with transaction.atomic():
        kept.set_days(days)
        detail = f"from {retention.words_of(before)} to {retention.words_of(days)}"
        data = {"days": days, "days_before": before}
        record(origin_of(request), "changed", Subject("server", f"retention of {kept.name}"), detail, data=data)
    return row_of(kept, saved_from=before)


def is_shorter(days: int, before: int) -> bool:
    return days != FOR_EVER and (before == FOR_EVER or days < before)


def question_of(kept: Retention, days: int) -> str:
    """How many are older; empty when none is."""
    moment = retention.cutoff(retention.next_erasure(), days)
    older = older_than(kept, moment) if moment else BoundedCount()
    if not older.number:
        return ""
    one, several = NAMES[kept]
    is_one = older.number == 1 and not older.more
    return f"{older.words(one, several)} {'is' if is_one else 'are'} older and will be erased tonight."


def older_than(kept: Retention, moment: datetime) -> BoundedCount:
    if kept is retention.RUNS:
        return engine().runs_older_than(moment)
    return BoundedCount.of(AuditEntry.objects.filter(at__lt=moment).order_by(), MOST_COUNTED)
