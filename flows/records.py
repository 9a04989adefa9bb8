"""What the runs of this process have to say, written together: a few statements however many runs there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from flows.models import LIVE, ActionRun, Checkpoint, LogEntry, Run, State

LONGEST_PATH = 500
MOST_VALUES = 30_000  # of one statement; SQLite takes 32,766
Fields = dict[str, Any]


class StaleAttempt(Exception):
    """Another process has taken the run over, or it has ended; this one may write nothing more."""


@dataclass
class Gathered:
    """What one run has to say in one go."""

    run: int
    attempt: int
    number: int = 0
    state: str = State.RUNNING
    prompt_tokens: int = 0
    completion_tokens: int = 0
    created: dict[str, Fields] = field(default_factory=dict)
    changed: dict[str, Fields] = field(default_factory=dict)
    lines: list[LogEntry] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    ending: Fields = field(default_factory=dict)
    erases: bool = False  # the run held secrets

    def next(self) -> Gathered:
        return Gathered(self.run, self.attempt)


def write(all: Sequence[Gathered]) -> list[StaleAttempt | None]:
    """In the transaction that is open. Says of each whether it was refused."""
    attempts = current_attempts(gathered.run for gathered in all)
    valid = [gathered for gathered in all if attempts.get(gathered.run) == gathered.attempt]
    update_runs(valid)
    insert([ActionRun(run_id=each.run, **fields) for each in valid for fields in each.created.values()])
    update_actions(valid)
    insert([line for each in valid for line in each.lines])
    write_checkpoints([checkpoint for each in valid for checkpoint in each.checkpoints])
    if broken := [each.run for each in valid if each.ending and each.ending["state"] != State.SUCCEEDED]:
        # What was going when the run ended, and could not say how it ended itself.
        ActionRun.objects.filter(run_id__in=broken, state__in=LIVE).update(state=State.FAILED, reason="")
    if erased := [each.run for each in valid if each.erases]:
        Checkpoint.objects.filter(run_id__in=erased, sealed__isnull=False).delete()
    taken = {each.run for each in valid}
    return [None if each.run in taken else StaleAttempt(f"Run {each.run} was taken over.") for each in all]


def current_attempts(runs: Iterable[int]) -> dict[int, int]:
    """Of those that have not ended; locked, so that nobody takes them over meanwhile."""
    wanted, states = list(runs), [str(state) for state in LIVE]
    places, live = (", ".join(["%s"] * len(values)) for values in (wanted, states))
    lock = "FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, attempt FROM {table(Run)} WHERE id IN ({places}) AND state IN ({live}) ORDER BY id {lock}",  # noqa: S608 - names of our own columns, values are bound
            [*wanted, *states],
        )
        return dict(cursor.fetchall())


def write_checkpoints(checkpoints: Sequence[Checkpoint]) -> None:
    notes = [checkpoint for checkpoint in checkpoints if checkpoint.note]
    if notes:
        for note in notes:
            note.pk = None  # given by a try that was rolled back
        Checkpoint.objects.bulk_create(
            notes, update_conflicts=True, unique_fields=["run", "path", "note"], update_fields=["plain", "sealed"]
        )
    insert([checkpoint for checkpoint in checkpoints if not checkpoint.note])


# Statements of our own: the ORM builds each anew, which costs more than executing it.


def insert(rows: Sequence[Any]) -> None:
    """Rows of one model, which keep no key."""
    if not rows:
        return
    model = type(rows[0])
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns, places = ", ".join(quoted(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    at_once = MOST_VALUES // len(fields)
    with connection.cursor() as cursor:
        for some in (rows[at : at + at_once] for at in range(0, len(rows), at_once)):
            values = ", ".join([f"({places})"] * len(some))
            cursor.execute(
                f"INSERT INTO {table(model)} ({columns}) VALUES {values}",  # noqa: S608 - names of our own columns, values are bound
                [field.get_db_prep_save(field.pre_save(row, True), connection) for row in some for field in fields],
            )


def update_runs(all: Sequence[Gathered]) -> None:
    going = [
        (each.number, each.state, bool(each.ended), each.prompt_tokens, each.completion_tokens, each.run)
        for each in all
        if not each.ending
    ]
    # Whoever gets on does not kill its process.
    progress = "crashes = CASE WHEN %s THEN 0 ELSE crashes END"
    counted = "prompt_tokens = prompt_tokens + %s, completion_tokens = completion_tokens + %s"
    many(f"UPDATE {table(Run)} SET last_event = %s, state = %s, {progress}, {counted} WHERE id = %s", going)  # noqa: S608 - names of our own columns, values are bound
    ended = [
        (
            each.number, each.ending["state"], each.prompt_tokens, each.completion_tokens,
            *stored(Run, {name: each.ending[name] for name in ("output", "error", "ended_at")}), each.run,
        )
        for each in all
        if each.ending
    ]  # fmt: skip
    ends = f"{counted}, output = %s, error = %s, ended_at = %s, secret_inputs = NULL, worker_id = NULL"
    many(f"UPDATE {table(Run)} SET last_event = %s, state = %s, {ends} WHERE id = %s", ended)  # noqa: S608 - names of our own columns, values are bound


def update_actions(all: Sequence[Gathered]) -> None:
    alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for each in all:
        for path, fields in each.changed.items():
            alike[tuple(fields)].append((*stored(ActionRun, fields), each.run, path[:LONGEST_PATH]))
    for names, rows in alike.items():
        columns = ", ".join(f"{name} = %s" for name in names)
        many(f"UPDATE {table(ActionRun)} SET {columns} WHERE run_id = %s AND path = %s", rows)  # noqa: S608 - names of our own columns, values are bound


def stored(model: Any, fields: Fields) -> list[Any]:
    """The values as the database takes them."""
    return [model._meta.get_field(name).get_db_prep_save(value, connection) for name, value in fields.items()]


def table(model: Any) -> str:
    return quoted(model._meta.db_table)


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def many(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)
