"""Pages of the audit log by filter, the newest first, however many entries there are and however few match.

One filter is looked up in its index. What else is asked for is looked for among so many of the entries that it gives:
a page that finds little says so, and leads on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from foundryflow.http import whole_number
from foundryflow.models import AuditEntry
from foundryflow.models.audit_entry import Via

ROWS = 50  # of one page
MOST_READ = 5_000  # entries that one page looks through
AT_ONCE = 1_000  # of them that are read together
SEARCHED = ("actor", "verb", "subject", "detail", "source")
SIFTED = ("id", "is_refused", "kind", "via", "address", *SEARCHED)
MOST_COUNTED = 10_000  # entries; more are not counted
LONGEST_WORDS = 100
WAYS = {"api": Via.API, "command": Via.COMMAND, "server": Via.SERVER}  # who may be no person
PERIODS = {"today": "Today", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
HOURS = {"24h": 24, "7d": 168, "30d": 720}
NAMES = ("who", "what", "outcome", "period", "from", "to", "q")  # in the address


@dataclass(frozen=True)
class AuditCursor:
    """An entry as a place in the order."""

    at: datetime
    pk: int

    def __str__(self) -> str:
        return f"{round(self.at.timestamp() * 1_000_000)}-{self.pk}"

    @classmethod
    def parse(cls, text: str) -> AuditCursor | None:
        """None when that is no cursor."""
        at, _, pk = text.partition("-")
        microseconds, key = whole_number(at, 16), whole_number(pk, 18)
        if microseconds is None or key is None:
            return None
        return cls(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds), key)

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditCursor:
        return cls(entry.at, entry.pk)

    @property
    def before(self) -> Q:
        # The first part is what an index is read from, in either database.
        return Q(at__lte=self.at) & (Q(at__lt=self.at) | Q(pk__lt=self.pk))


@dataclass(frozen=True)
class AuditPage:
    """`older` is where the next page begins; a page of few entries or none may have one, too."""

    entries: Sequence[AuditEntry]
    older: AuditCursor | None


@dataclass(frozen=True)
class AuditFilters:
    """What an address asks for; what is not understood is ignored."""

    person: int | None = None
    via: str = ""
    kind: str = ""
    refused: bool | None = None
    since: datetime | None = None
    until: datetime | None = None  # excluded
    words: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> AuditFilters:
        who, outcome = given.get("who", ""), given.get("outcome", "")
        since, until = times_of(given)
        return cls(
            person=whole_number(who),
            via=WAYS.get(who, ""),
            kind=given.get("what", "")[:20],
            refused={"refused": True, "done": False}.get(outcome),
            since=since,
            until=until,
            words=given.get("q", "").strip()[:LONGEST_WORDS],
        )

    @property
    def period(self) -> Q:
        since = Q(at__gte=self.since) if self.since else Q()
        return since & Q(at__lt=self.until) if self.until else since

    @property
    def by_index(self) -> tuple[str, Any] | None:
        """The one condition whose index is read: the rarest, as far as one can tell."""
        if self.person is not None:
            return "by_id", self.person
        if self.refused:
            return "is_refused", True
        return ("kind", self.kind) if self.kind else ("via", self.via) if self.via else None

    @property
    def rest(self) -> dict[str, Any]:
        """Values of columns that are looked for among the entries of that condition."""
        wanted = {"is_refused": self.refused, "kind": self.kind or None, "via": self.via or None}
        wanted.pop(self.by_index[0] if self.by_index else "", None)
        return {name: value for name, value in wanted.items() if value is not None}

    @property
    def looks_through(self) -> bool:
        return bool(self.rest or self.words)

    @property
    def entries(self) -> QuerySet[AuditEntry]:
        """Those of the period and the first condition, in their order."""
        first = [Q(self.by_index)] if self.by_index else []
        return AuditEntry.objects.filter(self.period, *first).order_by("-at", "-pk")

    def page(self, before: AuditCursor | None = None, rows: int = ROWS) -> AuditPage:
        if self.looks_through:
            return self._sift(before, rows)
        return page_of(list(self._behind(before)[: rows + 1]), rows)

    def _behind(self, place: AuditCursor | None) -> QuerySet[AuditEntry]:
        return self.entries.filter(place.before) if place else self.entries

    def _sift(self, place: AuditCursor | None, rows: int) -> AuditPage:
        """Reads on in portions until there are enough, or MOST_READ were read. Here, not in a statement: PostgreSQL
        would rather read the whole table, and SQLite all entries of a kind."""
        found: list[int] = []
        rest, words, read = self.rest, self.words.casefold().split(), 0
        while read < MOST_READ and len(found) <= rows:
            portion = list(self._behind(place).values(*SIFTED)[:AT_ONCE])
            found += [row["id"] for row in portion if is_wanted(row, rest, words)]
            read += AT_ONCE
            # Times are read of the last one alone: to read them takes longer than all the rest.
            last = AuditEntry.objects.filter(pk=portion[-1]["id"]).first() if len(portion) == AT_ONCE else None
            place = AuditCursor.of(last) if last else None
            if place is None:
                break
        entries = AuditEntry.objects.filter(pk__in=found[: rows + 1]).order_by("-at", "-pk")
        shown = page_of(list(entries), rows)
        return shown if shown.older else AuditPage(shown.entries, place)

    def count(self) -> int | None:
        """At most one more than MOST_COUNTED; None where entries would have to be looked through."""
        return None if self.looks_through else self.entries.order_by().values("pk")[: MOST_COUNTED + 1].count()


def is_wanted(row: Mapping[str, Any], rest: Mapping[str, Any], words: Sequence[str]) -> bool:
    """Whether the values are these, and each word is in one of the texts; an address has to begin with it."""
    if any(row[name] != value for name, value in rest.items()):
        return False
    texts = "\n".join(row[name] for name in SEARCHED).casefold() if words else ""
    return all(word in texts or row["address"].startswith(word) for word in words)


def page_of(found: list[AuditEntry], rows: int) -> AuditPage:
    shown = found[:rows]
    return AuditPage(shown, AuditCursor.of(shown[-1]) if len(found) > rows else None)


def times_of(given: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """Days, of which either may be missing, go before the periods until now."""
    first, last = (parse_day(given.get(name, "")) for name in ("from", "to"))
    if first and last:
        first, last = sorted((first, last))
    if first or last:
        return midnight(first) if first else None, midnight(last + timedelta(days=1)) if last else None
    period = given.get("period", "")
    if period == "today":
        return midnight(timezone.localdate()), None
    return (timezone.now() - timedelta(hours=HOURS[period]), None) if period in HOURS else (None, None)


def parse_day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 9000 else None


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())
