"""Hourly figures of runs, and the groups that a search of runs goes through: kept by triggers of the database.

However a run ends, is deleted or was put in, and by whichever process: its figures are written by the same statement,
so they hold after a kill and after an edit by hand. `rebuild` counts anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from flows.models.figures import HourlyFigures, RunGroup
from flows.models.flow import Flow
from flows.models.raw_sql import fetch_all, placeholders, table
from flows.models.run import Run
from flows.models.states import ENDED, LIVE

COUNTED = ("succeeded", "failed", "cancelled", "prompt_tokens", "completion_tokens")
RUNS, FLOWS, FIGURES, GROUPS = table(Run), table(Flow), table(HourlyFigures), table(RunGroup)
ENDS = ", ".join(f"'{state}'" for state in ENDED)
BY_STATE = next(index.name for index in Run._meta.indexes if index.fields == ["state", "-id"])
TRIGGERS = {
    "flows_run_added": RUNS,
    "flows_run_changed": RUNS,
    "flows_run_moved": RUNS,
    "flows_run_deleted": RUNS,
    "flows_flow_deleted": FLOWS,
}
COUNTING = "state, flow_id, created_at, prompt_tokens, completion_tokens"  # columns of a run that figures come from
COLUMNS = ", ".join(("flow_id", "hour", "slot", *COUNTED))
ADDED_UP = ", ".join(f"{name} = {FIGURES}.{name} + excluded.{name}" for name in COUNTED)
INTO_FIGURES, ADDING = (
    f"INSERT INTO {FIGURES} ({COLUMNS})",
    f"ON CONFLICT (flow_id, hour, slot) DO UPDATE SET {ADDED_UP}",
)
INTO_GROUPS = f"INSERT INTO {GROUPS} (flow_id, started_by, via)"
NEW_GROUP = (
    f"{INTO_GROUPS} SELECT NEW.flow_id, COALESCE(NEW.started_by_id, 0), NEW.via WHERE NOT EXISTS (SELECT 1"
    f" FROM {GROUPS} known WHERE known.flow_id = NEW.flow_id AND known.started_by = COALESCE(NEW.started_by_id, 0)"
    " AND known.via = NEW.via);"
)


def hour_of(row: str = "") -> str:
    """SQL: hours since 1970 at the start of the hour in which the run was started."""
    if connection.vendor == "postgresql":
        return f"CAST(FLOOR(EXTRACT(EPOCH FROM {row}created_at) / 3600) AS integer)"
    return f"CAST(STRFTIME('%s', {row}created_at) AS INTEGER) / 3600"


def increments(row: str = "") -> list[str]:
    """SQL for each of COUNTED: what one ended run adds to it."""
    states = [f"CASE WHEN {row}state = '{state}' THEN 1 ELSE 0 END" for state in ENDED]
    return [*states, f"{row}prompt_tokens", f"{row}completion_tokens"]


def sums(values: Iterable[str] = COUNTED, sign: str = "") -> str:
    return ", ".join(f"{sign}SUM({value})" for value in values)


def groups_of(runs: str) -> str:
    """SQL: puts in the groups of these runs that nobody has put in; two connections may at once, which does no harm."""
    known = (
        f"SELECT 1 FROM {GROUPS} known WHERE known.flow_id = run.flow_id"
        " AND known.started_by = COALESCE(run.started_by_id, 0) AND known.via = run.via"
    )
    different = f"SELECT DISTINCT flow_id, COALESCE(started_by_id, 0), via FROM {runs} run"
    return f"{INTO_GROUPS} {different} WHERE NOT EXISTS ({known})"


def sqlite_triggers() -> list[str]:
    old, new = f"OLD.state IN ({ENDS})", f"NEW.state IN ({ENDS})"
    hours = f"(SELECT {hour_of('NEW.')} AS hour UNION ALL SELECT 0)"
    more = ", ".join(increments("NEW."))
    added = f"{INTO_FIGURES} SELECT NEW.flow_id, hour, 0, {more} FROM {hours} WHERE {new} {ADDING};"
    less = ", ".join(f"{name} = {name} - {value}" for name, value in zip(COUNTED, increments("OLD."), strict=True))
    there = f"flow_id = OLD.flow_id AND hour IN ({hour_of('OLD.')}, 0) AND slot = 0"
    removed = f"UPDATE {FIGURES} SET {less} WHERE {old} AND {there};"
    gone = "; ".join(f"DELETE FROM {name} WHERE flow_id = OLD.id" for name in (FIGURES, GROUPS))
    return [
        f"CREATE TRIGGER flows_run_added AFTER INSERT ON {RUNS} BEGIN {NEW_GROUP} {added} END",
        f"CREATE TRIGGER flows_run_changed AFTER UPDATE OF {COUNTING} ON {RUNS} WHEN {old} OR {new}"
        f" BEGIN {removed} {added} END",
        f"CREATE TRIGGER flows_run_moved AFTER UPDATE OF flow_id, started_by_id, via ON {RUNS} BEGIN {NEW_GROUP} END",
        f"CREATE TRIGGER flows_run_deleted AFTER DELETE ON {RUNS} WHEN {old} BEGIN {removed} END",
        f"CREATE TRIGGER flows_flow_deleted AFTER DELETE ON {FLOWS} BEGIN {gone}; END",
    ]


def postgresql_triggers() -> list[str]:
    """A statement about many rows counts them together; each connection counts in rows of its own."""

    def function(name: str, body: str) -> str:
        head = f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
        return f"{head} $$ BEGIN {body} RETURN NULL; END $$"

    def many(rows: str, sign: str = "") -> str:
        values = ", ".join(f"{value} AS {name}" for value, name in zip(increments(), COUNTED, strict=True))
        each = f"SELECT flow_id, {hour_of()} AS hour, {values} FROM {rows} WHERE state IN ({ENDS})"
        hours = f"FROM ({each}) run CROSS JOIN LATERAL (VALUES (run.hour), (0)) at (hour)"
        grouped = "GROUP BY flow_id, at.hour ORDER BY flow_id, at.hour"
        return (
            f"{INTO_FIGURES} SELECT flow_id, at.hour, pg_backend_pid(), {sums(sign=sign)} {hours} {grouped} {ADDING};"
        )

    def one(row: str, sign: str = "") -> str:
        values = ", ".join(f"{sign}({value})" for value in increments(row))
        rows = (f"({row}flow_id, {hour}, pg_backend_pid(), {values})" for hour in (hour_of(row), 0))
        return f"IF {row}state IN ({ENDS}) THEN {INTO_FIGURES} VALUES {', '.join(rows)} {ADDING}; END IF;"

    ended = f"IF EXISTS (SELECT 1 FROM added WHERE state IN ({ENDS})) THEN {many('added')} END IF;"
    gone = " ".join(f"DELETE FROM {name} WHERE flow_id IN (SELECT id FROM gone);" for name in (FIGURES, GROUPS))
    moves = "(OLD.flow_id, OLD.started_by_id, OLD.via) IS DISTINCT FROM (NEW.flow_id, NEW.started_by_id, NEW.via)"
    inserted, deleted = (
        f"REFERENCING {rows} TABLE AS {name} FOR EACH STATEMENT EXECUTE FUNCTION"
        for rows, name in (("NEW", "added"), ("OLD", "gone"))
    )
    return [
        function("flows_run_added", f"{groups_of('added')}; {ended}"),
        function("flows_run_changed", f"{one('OLD.', '-')} {one('NEW.')}"),
        function("flows_run_moved", NEW_GROUP),
        function("flows_run_deleted", many("gone", "-")),
        function("flows_flow_deleted", gone),
        f"CREATE TRIGGER flows_run_added AFTER INSERT ON {RUNS} {inserted} flows_run_added()",
        f"CREATE TRIGGER flows_run_changed AFTER UPDATE OF {COUNTING} ON {RUNS} FOR EACH ROW"
        f" WHEN (OLD.state IN ({ENDS}) OR NEW.state IN ({ENDS})) EXECUTE FUNCTION flows_run_changed()",
        f"CREATE TRIGGER flows_run_moved AFTER UPDATE OF flow_id, started_by_id, via ON {RUNS} FOR EACH ROW"
        f" WHEN ({moves}) EXECUTE FUNCTION flows_run_moved()",
        f"CREATE TRIGGER flows_run_deleted AFTER DELETE ON {RUNS} {deleted} flows_run_deleted()",
        f"CREATE TRIGGER flows_flow_deleted AFTER DELETE ON {FLOWS} {deleted} flows_flow_deleted()",
    ]


def are_installed() -> bool:
    names = list(TRIGGERS)
    found = f"SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name IN {placeholders(names)}"
    if connection.vendor == "postgresql":
        tables = f"to_regclass('{RUNS}'), to_regclass('{FLOWS}')"
        found = f"SELECT COUNT(*) FROM pg_trigger WHERE tgrelid IN ({tables}) AND tgname IN {placeholders(names)}"
    return bool(fetch_all(found, names)[0][0] == len(names))


def install(**_: Any) -> None:
    """After every migrate: for a migration SQLite may copy a table, and the copy has no triggers."""
    if are_installed() or HourlyFigures._meta.db_table not in connection.introspection.table_names():
        return
    with transaction.atomic():
        uninstall()
        execute_all(postgresql_triggers() if connection.vendor == "postgresql" else sqlite_triggers())
        rebuild()


def uninstall() -> None:
    if connection.vendor == "postgresql":
        execute_all(f"DROP TRIGGER IF EXISTS {name} ON {on}" for name, on in TRIGGERS.items())
        execute_all(f"DROP FUNCTION IF EXISTS {name}()" for name in TRIGGERS)
    else:
        execute_all(f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS)


@transaction.atomic
def rebuild() -> None:
    """Counts anew from the runs. Whoever ends a run meanwhile waits, and adds to what was found."""
    if connection.vendor == "postgresql":
        execute_all([f"LOCK TABLE {FIGURES} IN SHARE ROW EXCLUSIVE MODE"])
    execute_all(
        [
            f"DELETE FROM {FIGURES}",
            f"{INTO_FIGURES} SELECT flow_id, {hour_of()}, 0, {sums(increments())}"
            f" FROM {RUNS} WHERE state IN ({ENDS}) GROUP BY 1, 2",
            f"{INTO_FIGURES} SELECT flow_id, 0, 0, {sums()} FROM {FIGURES} GROUP BY 1",
            groups_of(RUNS),
        ]
    )


Figures = dict[tuple[int, int], tuple[int, ...]]  # by flow and hour, in the order of COUNTED


def kept_figures() -> Figures:
    """Every figure as it is kept, without those that came to nothing."""
    return fetch_figures(f"SELECT flow_id, hour, {sums()} FROM {FIGURES} GROUP BY 1, 2")


def recount_figures() -> Figures:
    """The same from the runs themselves."""
    found = fetch_figures(
        f"SELECT flow_id, {hour_of()}, {sums(increments())} FROM {RUNS} WHERE state IN ({ENDS}) GROUP BY 1, 2"
    )
    for (flow, _), values in list(found.items()):
        so_far = found.get((flow, 0), (0,) * len(values))
        found[flow, 0] = tuple(map(sum, zip(so_far, values, strict=True)))
    return found


@transaction.atomic
def differences() -> int:
    """How many figures are not what the runs say. Runs that end meanwhile wait for the answer."""
    if connection.vendor == "postgresql":
        execute_all([f"LOCK TABLE {FIGURES} IN SHARE MODE"])
    there, right = kept_figures(), recount_figures()
    return sum(there.get(key) != right.get(key) for key in there | right)


def fetch_figures(statement: str) -> Figures:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return {(flow, hour): tuple(map(int, values)) for flow, hour, *values in cursor.fetchall() if any(values)}


def live_run_figures() -> list[tuple[int, ...]]:
    """Flow, hour, number of runs, prompt and completion tokens of those that have not ended, which no figure has."""
    # SQLite is told the way: from statistics of a time when none was live it would conclude that all are.
    way = "" if connection.vendor == "postgresql" else f"INDEXED BY {BY_STATE}"
    live = ", ".join(f"'{state}'" for state in LIVE)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT flow_id, {hour_of()}, COUNT(*), SUM(prompt_tokens), SUM(completion_tokens)"
            f" FROM {RUNS} {way} WHERE state IN ({live}) GROUP BY 1, 2"
        )
        rows = cursor.fetchall()
    return [
        (int(flow), int(hour), int(count), int(prompt), int(completion))
        for flow, hour, count, prompt, completion in rows
    ]


def execute_all(statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
