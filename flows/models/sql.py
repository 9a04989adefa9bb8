"""The statements that the engine and the API write by hand, each with a name and a sentence.

They are executed for every run, and the ORM builds each anew, which costs more than executing it. Names in them are of
our own tables and columns; values are bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from connections.models import Connection
from flows.interpreter.suspicion import SUSPECT
from flows.models.flow import Flow, Revision
from flows.models.raw_sql import Fields, db_values, execute_many, fetch_all, for_update, placeholders, table
from flows.models.record import ActionRun, LogEntry
from flows.models.run import Run
from flows.models.states import LIVE, State

ACTIONS, CONNECTIONS, FLOWS = table(ActionRun), table(Connection), table(Flow)
LINES, REVISIONS, RUNS = table(LogEntry), table(Revision), table(Run)

# Claims


def lock_limited_flows() -> dict[int, int]:
    """The flows that allow only so many runs at a time, with that number. In one order: no two wait for each other."""
    return dict(
        fetch_all(f"SELECT id, concurrency FROM {FLOWS} WHERE concurrency IS NOT NULL ORDER BY id{for_update()}")
    )


def lock_queued_runs(full_flows: Collection[int], most: int) -> list[tuple[int, int]]:
    """Runs in the queue with their flows, urgent ones first; no suspects, and none of the flows that are full."""
    elsewhere = f"AND flow_id NOT IN {placeholders(full_flows)}" if full_flows else ""
    return fetch_all(
        f"SELECT id, flow_id FROM {RUNS} WHERE state = '{State.QUEUED}' AND parent_id IS NULL"
        f" AND crashes < {SUSPECT} {elsewhere} ORDER BY priority DESC, id LIMIT %s{for_update('SKIP LOCKED')}",
        [*full_flows, most],
    )


def claim_runs(worker: UUID, run_ids: Collection[int], states: Iterable[str]) -> list[Run]:
    """Makes the runs that are in one of these states the worker's, in a new attempt."""
    mine = db_values(Run, {"state": State.RUNNING, "worker": worker, "started_at": timezone.now()})
    state_names = [str(state) for state in states]
    return list(
        Run.objects.raw(
            f"UPDATE {RUNS} SET attempt = attempt + 1, state = %s, worker_id = %s,"
            " started_at = COALESCE(started_at, %s)"
            f" WHERE id IN {placeholders(run_ids)} AND state IN {placeholders(state_names)} RETURNING *",
            [*mine, *run_ids, *state_names],
        )
    )


# What runs say


def lock_attempts(run_ids: Collection[int]) -> dict[int, int]:
    """The attempts of those runs that have not ended: nobody takes them over meanwhile."""
    states = [str(state) for state in LIVE]
    live = f"id IN {placeholders(run_ids)} AND state IN {placeholders(states)}"
    statement = f"SELECT id, attempt FROM {RUNS} WHERE {live} ORDER BY id{for_update()}"
    return dict(fetch_all(statement, [*run_ids, *states]))


TOKENS = ("prompt_tokens", "completion_tokens", "estimated_tokens")
ADD_TOKENS = ", ".join(f"{name} = {name} + %s" for name in TOKENS)


def update_progress(rows: Sequence[tuple[Any, ...]]) -> None:
    """Of each run: its newest event, state, whether its crashes are forgiven, more tokens (`TOKENS`), and its id."""
    crashes = "crashes = CASE WHEN %s THEN 0 ELSE crashes END"
    execute_many(f"UPDATE {RUNS} SET last_event = %s, state = %s, {crashes}, {ADD_TOKENS} WHERE id = %s", rows)


def end_runs(rows: Sequence[tuple[Any, ...]]) -> None:
    """Of each run: its newest event, state, more `TOKENS`, output, error, when it ended, its id. Erases secrets."""
    ends = "output = %s, error = %s, ended_at = %s, secret_inputs = NULL, pins = NULL, worker_id = NULL"
    execute_many(f"UPDATE {RUNS} SET last_event = %s, state = %s, {ADD_TOKENS}, {ends} WHERE id = %s", rows)


def add_up_subflows(run_ids: Collection[int]) -> None:
    """Counts the tokens of what these runs have started, and of what that has. Said anew: it may be done again."""
    of_children = ", ".join(
        f"subflow_{name} = (SELECT SUM(child.{name} + COALESCE(child.subflow_{name}, 0))"
        f" FROM {RUNS} child WHERE child.parent_id = {RUNS}.id)"
        for name in TOKENS
    )
    execute_many(f"UPDATE {RUNS} SET {of_children} WHERE id = %s", [(run_id,) for run_id in run_ids])


def update_actions(columns: Iterable[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Sets these columns of records of actions: of each its values, then its run and its path."""
    changes = ", ".join(f"{column} = %s" for column in columns)
    execute_many(f"UPDATE {ACTIONS} SET {changes} WHERE run_id = %s AND path = %s", rows)


def action_values(fields: Fields) -> list[Any]:
    """Values of a record of an action as `update_actions` takes them."""
    return db_values(ActionRun, fields)


# Transactions


def transaction_number() -> int | None:
    """The number of the open transaction; None when it has changed nothing, or its end cannot be in doubt."""
    if connection.vendor != "postgresql":
        return None
    ((number,),) = fetch_all("SELECT txid_current_if_assigned()")
    return None if number is None else int(number)


def transaction_state(number: int) -> str:
    """What became of a transaction of PostgreSQL: committed, aborted or in progress.

    Raises DataError for one that this server has never heard of.
    """
    ((state,),) = fetch_all("SELECT txid_status(%s)", [number])
    return str(state)


# What is checked before a run


def connections_named(names: Collection[str]) -> list[tuple[str, str, str, str]]:
    """Name, kind, way of signing in and endpoint of those of these connections that there are."""
    columns = "name, kind, auth, endpoint"
    return fetch_all(f"SELECT {columns} FROM {CONNECTIONS} WHERE name IN {placeholders(names)}", list(names))


# What the API reads, without columns that it does not need and that may be large

RUN_COLUMNS = (
    "id", "state", "parent_id", "customer", "created_at", "started_at", "ended_at", "prompt_tokens",
    "completion_tokens", "subflow_prompt_tokens", "subflow_completion_tokens", "inputs", "output", "error", "published",
)  # fmt: skip
ACTION_COLUMNS = (
    "id", "run_id", "path", "action_id", "type", "title", "state", "output", "error", "usage", "warning", "reason",
    "started_at", "ended_at", "waits_until", "refused", "event",
)  # fmt: skip
SELECT_RUNS = (
    f"SELECT {', '.join(f'run.{name}' for name in RUN_COLUMNS)}, flow.slug AS flow_slug,"
    f" flow.published_id AS flow_published, revision.number AS revision_number FROM {RUNS} run"
    f" JOIN {FLOWS} flow ON flow.id = run.flow_id JOIN {REVISIONS} revision ON revision.id = run.revision_id"
)
SELECT_ACTIONS = f"SELECT {', '.join(ACTION_COLUMNS)} FROM {ACTIONS}"


def runs_with_flows(run_ids: Collection[int]) -> dict[int, Run]:
    """The runs by id, each with `flow_slug`, `flow_published` and `revision_number`."""
    found = Run.objects.raw(f"{SELECT_RUNS} WHERE run.id IN {placeholders(run_ids)}", list(run_ids))
    return {run.pk: run for run in found}


def actions_of_runs(run_ids: Collection[int]) -> Iterable[ActionRun]:
    """The records of the actions of these runs, of each run in their order."""
    statement = f'{SELECT_ACTIONS} WHERE run_id IN {placeholders(run_ids)} ORDER BY "order"'
    found: Iterable[ActionRun] = ActionRun.objects.raw(statement, list(run_ids))
    return found


def runs_with_log(run_ids: Collection[int]) -> set[int]:
    """Those of the runs that have lines in their log."""
    found = fetch_all(f"SELECT DISTINCT run_id FROM {LINES} WHERE run_id IN {placeholders(run_ids)}", list(run_ids))
    return {run_id for (run_id,) in found}


def newest_events(run_ids: Collection[int]) -> dict[int, tuple[int, bool]]:
    """The number of the newest event of each run, and whether the run has ended."""
    statement = f"SELECT id, last_event, ended_at IS NOT NULL FROM {RUNS} WHERE id IN {placeholders(run_ids)}"
    return {run_id: (newest, bool(ended)) for run_id, newest, ended in fetch_all(statement, list(run_ids))}


def records_since(events: Sequence[tuple[int, int]]) -> tuple[Iterable[ActionRun], Iterable[LogEntry]]:
    """Records of actions and lines of the log behind an event each: pairs of a run and the number of the event."""
    if not events:
        return (), ()
    behind = " OR ".join(["(run_id = %s AND event > %s)"] * len(events))
    values = [value for pair in events for value in pair]
    lines = LogEntry.objects.raw(f"SELECT * FROM {LINES} WHERE {behind}", values)
    return ActionRun.objects.raw(f"{SELECT_ACTIONS} WHERE {behind}", values), lines
