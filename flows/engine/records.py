"""Stores what the runs of a process have gathered: a few statements, however many runs there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from flows.engine.call_counts import CountedCall, count_calls, note_costs
from flows.engine.earlier_records import mask_earlier_records
from flows.interpreter.known_secrets import KnownSecrets
from flows.models import LIVE, ActionRun, Checkpoint, Iteration, LogEntry, Run, RunFile, State, Suspect, sql
from flows.models.iteration import split_place, store_iterations
from flows.models.raw_sql import Fields, db_values, insert
from flows.models.run_connection import note_connections

LONGEST_PATH = 500


class StaleAttempt(Exception):
    """Another process has taken the run over, or it has ended; this one may write nothing more."""


@dataclass
class RunRecords:
    """What one run has to say in one go."""

    run: int
    attempt: int
    secrets: KnownSecrets
    number: int = 0
    state: str = State.RUNNING
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated_tokens: int = 0
    adds_up_subflows: bool = False  # one has ended, or may have
    created: dict[str, Fields] = field(default_factory=dict)
    changed: dict[str, Fields] = field(default_factory=dict)
    lines: list[LogEntry] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    calls: list[CountedCall] = field(default_factory=list)  # of models, that have ended
    iterations: dict[str, Fields] = field(default_factory=dict)  # what has become of them, by place
    restarted: list[str] = field(default_factory=list)  # places of iterations whose earlier outcome does not count
    clears_suspicion: bool = False  # what was going when its process died has ended since
    ending: Fields = field(default_factory=dict)
    erases_secrets: bool = False  # the run held secrets
    erases_files: bool = False  # the run was started with some

    def change(self, path: str, fields: Fields) -> None:
        """Other values for a row, which may not be there before this is stored."""
        created = self.created.get(path)
        if created is not None:
            created.update(fields)
        else:
            self.changed.setdefault(path, {}).update(fields)

    def add_tokens(self, usage: Mapping[str, Any]) -> None:
        self.prompt_tokens += usage.get("prompt_tokens") or 0
        self.completion_tokens += usage.get("completion_tokens") or 0
        self.estimated_tokens += usage.get("estimated_tokens") or 0

    @property
    def tokens(self) -> tuple[int, ...]:
        """In the order of sql.TOKENS."""
        return self.prompt_tokens, self.completion_tokens, self.estimated_tokens

    def mask(self) -> None:
        """Puts masks for the secrets that the run knows, and seals checkpoints that hold one. May be done again."""
        secrets = self.secrets
        if not secrets:
            return
        messages = [line.message for line in self.lines]
        shown = [self.created, self.changed, self.ending, messages, self.iterations]
        # The facts of calls are those of their records.
        if not secrets.found_among([shown, [checkpoint.plain for checkpoint in self.checkpoints]]):
            return
        self.created, self.changed, self.ending, messages, self.iterations = secrets.mask(shown)
        self.calls = [replace(call, facts=secrets.mask(call.facts)) for call in self.calls]
        for line, message in zip(self.lines, messages, strict=True):
            line.message = message
        for checkpoint in self.checkpoints:
            if checkpoint.plain and secrets.stand_in(checkpoint.plain):
                checkpoint.seal()
                secrets.are_sealed = True

    def next(self) -> RunRecords:
        """Empty ones for what comes behind."""
        return RunRecords(self.run, self.attempt, self.secrets)


def moment(at: float) -> datetime:
    """Of seconds since the epoch."""
    return datetime.fromtimestamp(at, UTC)


def write_records(all: Sequence[RunRecords]) -> list[StaleAttempt | None]:
    """In the transaction that is open. Says of each whether it was refused."""
    attempts = sql.lock_attempts([each.run for each in all])
    valid = [each for each in all if attempts.get(each.run) == each.attempt]
    note_costs(call for each in valid for call in each.calls)
    for each in valid:
        each.mask()
    update_runs(valid)
    sql.add_up_subflows([each.run for each in valid if each.adds_up_subflows])
    delete_earlier_outcomes(valid)
    insert([ActionRun(run_id=each.run, **fields) for each in valid for fields in each.created.values()])
    update_actions(valid)
    insert([line for each in valid for line in each.lines])
    write_iterations(valid)
    write_checkpoints([checkpoint for each in valid for checkpoint in each.checkpoints])
    if acquitted := [each.run for each in valid if each.clears_suspicion]:
        Suspect.objects.filter(run__in=acquitted).delete()
    if broken := [each.run for each in valid if each.ending and each.ending["state"] != State.SUCCEEDED]:
        # What was going when the run ended, and could not say how it ended itself.
        ActionRun.objects.filter(run_id__in=broken, state__in=LIVE).update(state=State.FAILED, reason="")
    for each in valid:
        mask_earlier_records(each.run, each.secrets, ends=bool(each.ending))
    if erased := [each.run for each in valid if each.ending and (each.erases_secrets or each.secrets.are_sealed)]:
        Checkpoint.objects.filter(run_id__in=erased, sealed__isnull=False).delete()
    if erased := [each.run for each in valid if each.ending and each.erases_files]:
        RunFile.objects.erase(erased)
    count_calls([call for each in valid for call in each.calls])
    note_connections({(each.run, call.connection) for each in valid for call in each.calls if call.connection})
    taken = {each.run for each in valid}
    return [None if each.run in taken else StaleAttempt(f"Run {each.run} was taken over.") for each in all]


def update_runs(all: Sequence[RunRecords]) -> None:
    sql.update_progress(
        [(each.number, each.state, each.clears_suspicion, *each.tokens, each.run) for each in all if not each.ending]
    )
    sql.end_runs(
        [
            (
                each.number, each.ending["state"], *each.tokens,
                *db_values(Run, {name: each.ending[name] for name in ("output", "error", "ended_at")}), each.run,
            )
            for each in all
            if each.ending
        ]
    )  # fmt: skip


def update_actions(all: Sequence[RunRecords]) -> None:
    """One statement for all records of which the same columns have changed."""
    by_columns: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for each in all:
        for path, fields in each.changed.items():
            by_columns[tuple(fields)].append((*sql.action_values(fields), each.run, path[:LONGEST_PATH]))
    for columns, rows in by_columns.items():
        sql.update_actions(columns, rows)


def delete_earlier_outcomes(all: Sequence[RunRecords]) -> None:
    for each in all:
        for place in each.restarted:
            loop, number = split_place(place)
            Iteration.objects.filter(run_id=each.run, loop=loop, number=number).delete()
            for model in (ActionRun, Checkpoint):
                model.objects.filter(run_id=each.run, path__startswith=f"{place}/").delete()


def write_iterations(all: Sequence[RunRecords]) -> None:
    if changes := [(each.run, change) for each in all for change in each.iterations.values()]:
        store_iterations(changes)


def write_checkpoints(checkpoints: Sequence[Checkpoint]) -> None:
    notes = [checkpoint for checkpoint in checkpoints if checkpoint.note]
    if notes:
        for note in notes:
            note.pk = None  # given by a try that was rolled back
        Checkpoint.objects.bulk_create(
            notes, update_conflicts=True, unique_fields=["run", "path", "note"], update_fields=["plain", "sealed"]
        )
    insert([checkpoint for checkpoint in checkpoints if not checkpoint.note])
