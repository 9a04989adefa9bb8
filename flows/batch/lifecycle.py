"""Creates, stops, resumes and deletes batches.

Runs are created a few hundred at a time by whoever creates the batch and then by the engine, so that none is
forgotten whatever dies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from flows import engine
from flows.batch.models import Batch, Cell, CellState, Row
from flows.batch.variants import Judge, Variant
from flows.models import LIVE, Flow, Room, Run
from flows.models.raw_sql import column_of, db_values, execute_many, table
from flows.playground.models import Session

RUNS_AT_ONCE = 500  # runs made in one transaction
MOST_CALLS = 200  # at the same time, so that other runs keep getting places
VIA, PRIORITY = "batch", -10  # after everything that somebody waits for

# The fields of a cell whose answer has not been asked for.
UNANSWERED_FIELDS: dict[str, Any] = {
    "run": None,
    "state": CellState.NEW,
    "text": "",
    "facts": {},
    "usage": None,
    "warning": "",
    "error": None,
    "verdicts": [],
    "marks": "",
    "model": "",
    "first_token_ms": None,
    "total_ms": None,
    "prompt_tokens": None,
    "cached_tokens": None,
    "completion_tokens": None,
}


class StillStopping(Exception):
    """Calls of the batch are still being stopped; the message is for people."""


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """Everything that a new batch is created from."""

    name: str
    session: Session | None
    variants: Sequence[Variant]
    judges: Sequence[Judge]
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    checks: Sequence[Mapping[str, Any]]
    concurrency: int


@transaction.atomic
def create_batch(plan: BatchPlan, *, by: User) -> Batch:
    """Creates the batch and its first runs; the engine creates the others. Raises DocumentError."""
    flow, variants = create_flow(plan, by)
    batch = Batch.objects.create(
        name=plan.name,
        owner=by,
        flow=flow,
        session=plan.session,
        variants=[variant.to_json() for variant in variants],
        columns=list(plan.columns),
        checks=list(plan.checks),
        concurrency=plan.concurrency,
    )
    Row.objects.bulk_create(
        [Row(batch=batch, number=number, variables=dict(row)) for number, row in enumerate(plan.rows, 1)]
    )
    create_cells(batch, len(variants))
    engine.submit_all(create_runs(batch.pk))
    return batch


def create_flow(plan: BatchPlan, by: User) -> tuple[Flow, list[Variant]]:
    """Creates the hidden flow with a revision for each variant; gives the variants with their revisions."""
    documents = [variant.document(plan.name, plan.rows[0], plan.judges) for variant in plan.variants]
    flow = Flow.objects.create_flow(documents[0], by=by, room=Room.BATCH)
    numbers = [flow.current.number]
    for document in documents[1:]:
        numbers.append(flow.commit(document, by=by, base=numbers[-1], note="variant").number)
    Flow.objects.filter(pk=flow.pk).update(concurrency=plan.concurrency)
    found = zip(plan.variants, numbers, strict=True)
    return flow, [dataclasses.replace(variant, revision=number) for variant, number in found]


def create_cells(batch: Batch, variants: int) -> None:
    """Creates a cell for every row and variant, in one statement a variant: the ORM would send each cell on its own."""
    known = {"batch": batch.pk, "change": 0, **UNANSWERED_FIELDS}
    names = [*known, "variant"]
    columns = ", ".join(column_of(Cell, name) for name in names)
    values = ", ".join("%s" for _ in names)
    statement = (
        f"INSERT INTO {table(Cell)} (row_id, {columns}) SELECT id, {values} FROM {table(Row)} WHERE batch_id = %s"  # noqa: S608 - names of our own columns, values are bound
    )
    with connection.cursor() as cursor:
        for variant in range(variants):
            cursor.execute(statement, [*db_values(Cell, {**known, "variant": variant}), batch.pk])


@transaction.atomic(savepoint=False)
def create_runs(batch_id: int) -> list[Run]:
    """Creates runs for the next few hundred cells that have none, in the order of the rows."""
    locked = Batch.objects.select_for_update(of=("self",), skip_locked=True).select_related("flow")
    batch = locked.filter(pk=batch_id, stopped_at=None).first()
    if batch is None:
        return []
    new = batch.cells.filter(state=CellState.NEW).select_related("row").order_by("row__number", "variant")
    cells = list(new[:RUNS_AT_ONCE])
    variants, revisions = variants_of(batch), dict(batch.flow.revisions.values_list("number", "pk"))
    judged = any(check.get("kind") == "judge" for check in batch.checks)
    runs = Run.objects.bulk_create(
        [
            Run(
                flow=batch.flow,
                revision_id=revisions[variants[cell.variant].revision],
                inputs=variants[cell.variant].run_inputs(cell.row.variables, judged=judged),
                started_by_id=batch.owner_id,
                via=VIA,
                priority=PRIORITY,
            )
            for cell in cells
        ]
    )
    values = [(run.pk, CellState.QUEUED, batch.changes + 1, cell.pk) for run, cell in zip(runs, cells, strict=True)]
    execute_many(f"UPDATE {table(Cell)} SET run_id = %s, state = %s, change = %s WHERE id = %s", values)  # noqa: S608 - names of our own columns, values are bound
    Batch.objects.filter(pk=batch.pk).update(changes=F("changes") + 1)
    return runs


def variants_of(batch: Batch) -> list[Variant]:
    return [Variant.from_json(data) for data in batch.variants]


def create_next_runs() -> bool:
    """Creates runs for the oldest batch that lacks some; gives whether it did. The engine calls it now and then."""
    new = Cell.objects.filter(state=CellState.NEW, batch__stopped_at=None).order_by("batch_id")
    batch = new.values_list("batch_id", flat=True).first()
    return batch is not None and bool(create_runs(batch))


@transaction.atomic
def stop_batch(batch: Batch, *, by: str) -> None:
    """Stops what is running and keeps the rest from beginning; called a second time, it ends everything at once."""
    locked = lock_batch(batch)
    again = locked.stopped_at is not None
    Batch.objects.filter(pk=batch.pk).update(stopped_at=timezone.now(), stopped_by=by[:150], changes=F("changes") + 1)
    locked.cells.filter(state=CellState.NEW).update(state=CellState.CANCELLED, change=locked.changes + 1)
    going = locked.flow.runs.filter(state__in=LIVE)
    if again:
        for run in going:
            engine.cancel(run, by=by)
    else:
        engine.cancel_all(going, by=by)


def resume_batch(batch: Batch) -> None:
    """Goes on with the cells that have no answer because the batch was stopped. Raises StillStopping."""
    restart_cells(batch, [CellState.CANCELLED])


def retry_failures(batch: Batch) -> None:
    """Asks again for the answers that failed. Raises StillStopping."""
    restart_cells(batch, [CellState.FAILED])


@transaction.atomic
def restart_cells(batch: Batch, states: Iterable[CellState]) -> None:
    """Empties the cells in these states and creates their runs anew. Raises StillStopping."""
    locked = lock_batch(batch)
    if locked.stopped_at and locked.flow.runs.filter(state__in=LIVE).exists():
        raise StillStopping("Some calls are still being stopped. Go on when they have ended.")
    locked.cells.filter(state__in=list(states)).update(**UNANSWERED_FIELDS, change=locked.changes + 1)
    Batch.objects.filter(pk=batch.pk).update(stopped_at=None, stopped_by="", changes=F("changes") + 1)
    engine.submit_all(create_runs(batch.pk))


def count_open_answers(batch: Batch) -> int:
    """How many answers are still to come."""
    return batch.cells.filter(Q(state=CellState.NEW) | Q(state__in=LIVE, run__state__in=LIVE)).count()


def lock_batch(batch: Batch) -> Batch:
    """The batch as it is now, kept from others until the transaction ends."""
    return Batch.objects.select_for_update(of=("self",)).select_related("flow").get(pk=batch.pk)


@transaction.atomic
def set_concurrency(batch: Batch, concurrency: int) -> None:
    Batch.objects.filter(pk=batch.pk).update(concurrency=concurrency)
    Flow.objects.filter(pk=batch.flow_id).update(concurrency=concurrency)


@transaction.atomic
def delete_batch(batch: Batch) -> None:
    """Deletes the batch with its runs."""
    flow = batch.flow
    batch.delete()
    flow.remove()
