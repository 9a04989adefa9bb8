"""What the runs of this process have to say, written together: a few statements however many runs there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.models import LIVE, ActionRun, Checkpoint, LogEntry, Run, State, Suspect
from flows.models.raw import Fields, fetched, insert, locking, many, marks, stored, table

LONGEST_PATH = 500


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
    acquitted: bool = False  # what was going when its process died has ended since
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
    if acquitted := [each.run for each in valid if each.acquitted]:
        Suspect.objects.filter(run__in=acquitted).delete()
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
    going = f"id IN {marks(wanted)} AND state IN {marks(states)}"
    return dict(
        fetched(f"SELECT id, attempt FROM {table(Run)} WHERE {going} ORDER BY id{locking()}", [*wanted, *states])  # noqa: S608 - names of our own columns, values are bound
    )


def update_runs(all: Sequence[Gathered]) -> None:
    going = [
        (each.number, each.state, each.acquitted, each.prompt_tokens, each.completion_tokens, each.run)
        for each in all
        if not each.ending
    ]
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


def write_checkpoints(checkpoints: Sequence[Checkpoint]) -> None:
    notes = [checkpoint for checkpoint in checkpoints if checkpoint.note]
    if notes:
        for note in notes:
            note.pk = None  # given by a try that was rolled back
        Checkpoint.objects.bulk_create(
            notes, update_conflicts=True, unique_fields=["run", "path", "note"], update_fields=["plain", "sealed"]
        )
    insert([checkpoint for checkpoint in checkpoints if not checkpoint.note])
