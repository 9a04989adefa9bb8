"""Pages of runs by filter, the newest first, however many runs there are and however few match.

Runs that share flow, state, person and way of starting are an interval of one index. The database looks up the newest
run of each group that the filters let through, and reads on in the few groups that can be on the page: its work grows
with the number of groups, not with the number of runs. Pages are found by where they begin, not by number, so that
new runs do not move them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q, QuerySet

from flows.models import Flow, Run, RunConnection, RunGroup
from flows.models.raw_sql import db_values, fetch_all, fetch_in_order, table
from flows.models.run_counts import LARGE
from flows.models.run_filters import STATES, Filters
from foundryflow.http import whole_number

ROWS = 50  # of one page
MOST_COUNTED = 1_000  # runs; more are not counted
MOST_LOOKUPS = 10_000  # groups; with more of them the runs are gone through by time
MOST_READ = 1_000  # runs of a connection that one page looks through
RUNS = table(Run)
POSTGRESQL = connection.vendor == "postgresql"
# Either database is told the way: it may go through the index of time for the order, and meet what is rare at the very
# end. SQLite takes the name of the index, PostgreSQL an order that no other index has.
BY_GROUP = f"{RUNS} run" if POSTGRESQL else f"{RUNS} run INDEXED BY runs_by_group"
GROUP = ("run.flow_id", "run.state", "COALESCE(run.started_by_id, 0)", "run.via")
COLUMNS = ("run.flow_id", "run.state", "run.started_by_id", "run.via")  # that it comes from
REACHING = ("flow_id", "state", "started_by", "via")  # its names where groups were found
TIME = ("run.created_at", "run.id")
IN_GROUP = (*GROUP, *TIME) if POSTGRESQL else TIME
# The plus takes the type of the column away, without which SQLite does not find an expression in an index.
WANTED = ("wanted.flow_id", "one.state", "wanted.started_by" if POSTGRESQL else "+wanted.started_by", "wanted.via")


@dataclass(frozen=True)
class Cursor:
    """A run as a place in the order."""

    at: datetime
    run: int

    def __str__(self) -> str:
        return f"{round(self.at.timestamp() * 1_000_000)}-{self.run}"

    @property
    def values(self) -> list[Any]:
        """In the order of TIME."""
        return [*db_values(Run, {"created_at": self.at}), self.run]

    @property
    def behind(self) -> Cursor:
        """The place before which this run is, too."""
        return Cursor(self.at, self.run + 1)

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """None when that is no cursor."""
        at, _, run = text.partition("-")
        microseconds, key = whole_number(at, 17), whole_number(run, 18)
        if microseconds is None or key is None:
            return None
        return cls(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds), key)

    @classmethod
    def of(cls, run: Run) -> Cursor:
        return cls(run.created_at, run.pk)

    @classmethod
    def at_number(cls, run: int) -> Cursor | None:
        """The place of a run, also of one that is not there any more; None before all runs."""
        known = Run.objects.filter(pk__lte=run).order_by("-pk").values_list("created_at", "pk").first()
        return cls(known[0], known[1] if known[1] == run else known[1] + 1) if known else None


@dataclass(frozen=True)
class SqlPart:
    """Of a statement, with the values for its marks."""

    sql: str
    values: list[Any]


@dataclass(frozen=True)
class Interval:
    """Runs of a group from one place of TIME to another: one interval of the index of groups.

    A place of two values is excluded, one of one value, the time alone, included; an empty one is no bound.
    """

    begin: list[Any]
    end: list[Any]

    def of(self, group: Sequence[str]) -> str:
        """SQL of a condition; `group` are what the columns of GROUP are compared with."""
        bounds = (">=" if len(self.begin) < len(TIME) else ">", self.begin), ("<" if self.end else "<=", self.end)
        if POSTGRESQL:
            return " AND ".join(comparison((*GROUP, *TIME), sign, group, place) for sign, place in bounds)
        equal = [f"{column} = {value}" for column, value in zip(GROUP, group, strict=True)]
        return " AND ".join([*equal, *(comparison(TIME, sign, (), place) for sign, place in bounds if place)])

    def values(self, group: Sequence[Any] = ()) -> list[Any]:
        """For the marks of the condition, those of the group first where it has any."""
        return [*group, *self.begin, *(group if POSTGRESQL else ()), *self.end]


def comparison(columns: Sequence[str], sign: str, group: Sequence[str], place: Sequence[Any]) -> str:
    values = [*group, *["%s"] * len(place)]
    return f"({', '.join(columns[: len(values)])}) {sign} ({', '.join(values)})"


def order(columns: Sequence[str], *, upwards: bool) -> str:
    way = "ASC" if upwards else "DESC"
    return "ORDER BY " + ", ".join(f"{column} {way}" for column in columns)


@dataclass(frozen=True)
class FoundRuns:
    """One page, and where the pages beside it begin."""

    runs: list[Run]
    newer: Cursor | None  # the page that ends before it
    older: Cursor | None


@dataclass(frozen=True)
class RunsRead:
    """At most a page of runs, in the order they were read in, and where reading goes on; None at the end."""

    runs: list[Run]
    further: Cursor | None


class Search:
    """Runs of `flows`, those that somebody may see, that the filters let through; read as `listed` says."""

    def __init__(
        self, flows: QuerySet[Flow], filters: Filters, listed: QuerySet[Run] | None = None, rows: int | None = None
    ) -> None:
        self.filters, self.rows = filters, rows or ROWS
        self.of_any_room = flows.filter(slug=filters.flow) if filters.flow else flows
        self.flows = self.of_any_room.filter(room=filters.room) if filters.room else self.of_any_room
        self.listed = Run.objects.select_related("flow", "started_by") if listed is None else listed
        self.listed = self.listed.defer(*LARGE)
        self._everything = filters.only_time and not Flow.objects.exclude(pk__in=self.flows.values("pk")).exists()
        self._groups = self._groups_part()

    def page(self, before: Cursor | None = None, after: Cursor | None = None, *, oldest: bool = False) -> FoundRuns:
        """The newest runs, those before or after a cursor, or the oldest ones."""
        upwards = after is not None or oldest
        read = self._read(after if upwards else before, upwards=upwards)
        if after is not None and read.further is None:
            return self.page()  # the newest ones, among which are some that were not newer
        shown = read.runs[::-1] if upwards else read.runs
        newest, last = (Cursor.of(shown[0]), Cursor.of(shown[-1])) if shown else (before, after)
        if upwards:
            return FoundRuns(shown, read.further, last if after else None)
        return FoundRuns(shown, newest if before else None, read.further)

    def newer_than(self, cursor: Cursor) -> tuple[int, bool]:
        """How many runs there are behind a cursor, at most a page of them, and whether there are more."""
        read = self._read(cursor, upwards=True)
        return len(read.runs), read.further is not None

    def _read(self, cursor: Cursor | None, *, upwards: bool) -> RunsRead:
        further: Cursor | None = None
        found: Iterable[Run]
        if self.filters.connection:
            found, further = self._of_connection(cursor, upwards=upwards)
        elif self._groups is None:
            found = self._by_time(cursor, upwards=upwards)[: self.rows + 1]
        else:
            found = self.listed.filter(pk__in=self._ids(self._groups, cursor, upwards=upwards))
        runs = {run.pk: run for run in found}
        if (words := self.filters.words).isdecimal() and (number := whole_number(words)):
            # A run is found by its number, too, of whatever room.
            runs |= {run.pk: run for run in self._by_time(cursor, upwards=upwards, named=False).filter(pk=number)}
        ordered = sorted(runs.values(), key=lambda run: (run.created_at, run.pk), reverse=not upwards)
        shown = ordered[: self.rows]
        return RunsRead(shown, Cursor.of(shown[-1]) if len(ordered) > self.rows else further)

    # Through the groups

    def _groups_part(self) -> SqlPart | None:
        """SQL of the groups that the filters let through, one row for each state; None when time is the quicker way."""
        filters = self.filters
        if self._everything or filters.connection or filters.customer:  # which have an index of their own
            return None
        found = RunGroup.objects.filter(flow__in=self._with_name(self.flows)).order_by().distinct()
        if filters.by:
            found = found.filter(started_by__in=User.objects.filter(username=filters.by).values("pk"))
        if filters.via:
            found = found.filter(via=filters.via)
        wanted = found.values_list("flow_id", "started_by", "via")
        if wanted[: MOST_LOOKUPS + 1].count() * len(filters.states) > MOST_LOOKUPS:
            return None
        groups, values = wanted.query.sql_with_params()
        states = " UNION ALL ".join(["SELECT %s AS state"] * len(filters.states))
        return SqlPart(f"({groups}) wanted CROSS JOIN ({states}) one", [*values, *filters.states])

    def _ids(self, groups: SqlPart, cursor: Cursor | None, *, upwards: bool) -> list[int]:
        """A page cannot reach into more groups than it has rows: those whose first runs come first."""
        interval = self._interval(cursor, upwards=upwards)
        by_time, by_group = order(TIME, upwards=upwards), order(IN_GROUP, upwards=upwards)
        page = f"{by_time} LIMIT {self.rows + 1}"

        def runs_of(group: Sequence[str], columns: Sequence[str], most: int = self.rows + 1) -> str:
            listed = ", ".join(columns)
            return f"SELECT {listed} FROM {BY_GROUP} WHERE {interval.of(group)} {by_group} LIMIT {most}"  # noqa: S608 - names of our own, values are bound

        if POSTGRESQL:
            # One statement, since fifty parts would take longer to plan than to execute; and no join, for which it
            # would read all runs where it has no statistics yet.
            first = runs_of(WANTED, [*COLUMNS, *TIME], 1)
            reaching = f"SELECT {', '.join(GROUP)} FROM {groups.sql} CROSS JOIN LATERAL ({first}) run {page}"  # noqa: S608
            runs = runs_of([f"reaching.{name}" for name in REACHING], TIME)
            parts = f"SELECT run.* FROM ({reaching}) reaching ({', '.join(REACHING)}) CROSS JOIN LATERAL ({runs}) run"  # noqa: S608
            values = [*groups.values, *interval.values(), *interval.values()]
        else:
            firsts = f"SELECT ({runs_of(WANTED, ['run.id'], 1)}) AS id FROM {groups.sql}"  # noqa: S608
            reached = fetch_all(
                f"SELECT {', '.join(GROUP)} FROM ({firsts}) known JOIN {RUNS} run ON run.id = known.id {page}",  # noqa: S608
                [*interval.values(), *groups.values],
            )
            if not reached:
                return []
            parts = " UNION ALL ".join([f"SELECT * FROM ({runs_of(['%s'] * len(GROUP), TIME)}) part"] * len(reached))  # noqa: S608
            values = [value for group in reached for value in interval.values(group)]
        return [run for (run,) in fetch_in_order(f"SELECT run.id FROM ({parts}) run {page}", values)]  # noqa: S608

    def _interval(self, cursor: Cursor | None, *, upwards: bool) -> Interval:
        """Between the cursor and the oldest or newest run that the filters let through."""
        since, until = self.filters.since, self.filters.until
        begin, end = (db_values(Run, {"created_at": at}) if at else [] for at in (since, until))
        if cursor is not None and not upwards and (until is None or cursor.at < until):
            end = cursor.values
        elif cursor is not None and upwards and (since is None or cursor.at >= since):
            begin = cursor.values
        return Interval(begin, end)

    def count(self, found: FoundRuns) -> int | None:
        """Of all that match, at most MOST_COUNTED + 1; `found` is one page of them. None where nobody has counted."""
        if not (found.newer or found.older):
            return len(found.runs)
        most = MOST_COUNTED + 1
        if self.filters.connection:
            keys, further = self._keys(None, MOST_READ, upwards=False)
            return None if further else self._matching().filter(pk__in=keys).count()
        if self._groups is None:
            return self._by_time(None, upwards=False)[:most].count()
        interval = self._interval(None, upwards=False)
        runs = f"{BY_GROUP} ON {interval.of(WANTED)}"
        if POSTGRESQL:
            by_group = order(IN_GROUP, upwards=True)
            inside = f"SELECT 1 FROM {RUNS} run WHERE {interval.of(WANTED)} {by_group} LIMIT {most}"  # noqa: S608
            runs = f"LATERAL ({inside}) run ON true"
        some = f"SELECT 1 AS one FROM {self._groups.sql} JOIN {runs} LIMIT {most}"  # noqa: S608
        counted: int = fetch_in_order(
            f"SELECT COUNT(*) FROM ({some}) counted",  # noqa: S608
            [*self._groups.values, *interval.values()],
        )[0][0]
        return counted

    # Through the connection

    def _of_connection(self, cursor: Cursor | None, *, upwards: bool) -> tuple[list[Run], Cursor | None]:
        """Those among the next MOST_READ of the connection that the filters let through, and where reading goes on:
        what is rare among many takes some pages, what is not a short look."""
        for most in (min(self.rows * 4, MOST_READ), MOST_READ):
            keys, further = self._keys(cursor, most, upwards=upwards)
            found = list(self._in_order(self._matching().filter(pk__in=keys), upwards=upwards)[: self.rows + 1])
            if len(found) > self.rows or further is None:
                break
        return found, further

    def _keys(self, cursor: Cursor | None, most: int, *, upwards: bool) -> tuple[list[int], Cursor | None]:
        used = RunConnection.objects.filter(name=self.filters.connection)
        placed = self._in_order(self._within_time(used, cursor, "run_id", upwards=upwards), "run_id", upwards=upwards)
        wanted = placed.values_list("created_at", "run_id")[: most + 1]
        read = fetch_in_order(*wanted.query.sql_with_params()) if POSTGRESQL else list(wanted)
        return [run for _, run in read[:most]], Cursor(*read[most - 1]) if len(read) > most else None

    # Through the time

    def _by_time(self, cursor: Cursor | None, *, upwards: bool, named: bool = True) -> QuerySet[Run]:
        found = self._within_time(self._matching(named=named), cursor, upwards=upwards)
        return self._in_order(found, upwards=upwards)

    def _matching(self, *, named: bool = True) -> QuerySet[Run]:
        """All runs that every filter but the time lets through."""
        filters, found = self.filters, self.listed
        if not (self._everything and named):
            found = found.filter(flow__in=self._with_name(self.flows) if named else self.of_any_room)
        if filters.states != STATES:
            found = found.filter(state__in=filters.states)
        if filters.by:
            found = found.filter(started_by__username=filters.by)
        if filters.via:
            found = found.filter(via=filters.via)
        if filters.customer:
            found = found.filter(customer=filters.customer)
        if filters.connection and not named:  # else the keys are those of the connection
            found = found.filter(connections__name=filters.connection)
        return found

    def _within_time(
        self, found: QuerySet[Any], cursor: Cursor | None, key: str = "pk", *, upwards: bool
    ) -> QuerySet[Any]:
        if self.filters.since is not None:
            found = found.filter(created_at__gte=self.filters.since)
        if self.filters.until is not None:
            found = found.filter(created_at__lt=self.filters.until)
        if cursor is not None:
            than = "gt" if upwards else "lt"
            behind = Q(**{f"created_at__{than}": cursor.at}) | Q(**{f"{key}__{than}": cursor.run})
            found = found.filter(behind, **{f"created_at__{than}e": cursor.at})
        return found

    def _in_order(self, found: QuerySet[Any], key: str = "pk", *, upwards: bool) -> QuerySet[Any]:
        way = "" if upwards else "-"
        return found.order_by(f"{way}created_at", f"{way}{key}")

    def _with_name(self, flows: QuerySet[Flow]) -> QuerySet[Flow]:
        words = self.filters.words
        return flows.filter(name__icontains=words) if words else flows
