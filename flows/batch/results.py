"""Collects the results of runs into the cells of a batch, many at a time, whenever a page or an export needs them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from flows.batch import checks
from flows.batch.models import Batch, Cell, CellState
from flows.batch.variants import judge_path
from flows.batch.verdicts import Verdict, decide, read_judge_verdict
from flows.models import ENDED, LIVE, ActionRun, State
from flows.models.raw_sql import db_values, execute_many, table
from flows.playground.setup import ACTION

MOST_CELLS, LONGEST_SECONDS = 500, 0.5  # cells and seconds at a time; some checks are slow
LONGEST_REASON = 500  # characters
NOT_KEPT = ("prompt", "raw")  # facts that stay with the run
PASSED, FAILED, OPEN = "p", "f", "o"  # marks
RUN_DELETED = {
    "kind": "run_deleted",
    "message": "Its run was deleted before the answer was taken over.",
    "hint": "Retry it.",
}

CellFields = dict[str, Any]
CallRecords = Mapping[tuple[int, str], ActionRun]  # by run and path


def collect_results(batch: Batch, most: int = MOST_CELLS) -> bool:
    """Copies what runs have done into their cells; gives whether there is more to copy.

    Whoever else does the same meanwhile does no harm.
    """
    cells = list(outdated_cells(batch)[:most])
    if not cells:
        return False
    all_checks = checks.parse_checks(batch.checks)
    records = call_records(cells, all_checks)
    until, changed = time.monotonic() + LONGEST_SECONDS, []
    for cell in cells:
        changed.append((cell, cell_fields(cell, records, all_checks)))
        if time.monotonic() > until:
            break
    save_cells(batch, changed)
    return len(cells) == most or len(changed) < len(cells)


def outdated_cells(batch: Batch) -> QuerySet[Cell]:
    """The cells of a batch whose state is not that of their run."""
    moved = Q(run=None) | ~Q(run__state=F("state"))
    return (
        batch.cells.filter(moved, state__in=LIVE)
        .select_related("run", "row")
        .only("batch", "change", "run__state", "run__error", "row__variables")
        .order_by("pk")
    )


def call_records(cells: Sequence[Cell], all_checks: Sequence[checks.Check]) -> CallRecords:
    """The records of answering and judging calls of those runs that have ended, by run and path."""
    ended = [cell.run.pk for cell in cells if cell.run and cell.run.state in ENDED]
    paths = [ACTION, *(judge_path(number) for number, check in enumerate(all_checks) if check.kind == "judge")]
    found = ActionRun.objects.filter(run_id__in=ended, path__in=paths).only(
        "run_id", "path", "state", "output", "facts", "usage", "warning", "error", "text"
    )
    return {(record.run_id, record.path): record for record in found}


def cell_fields(cell: Cell, records: CallRecords, all_checks: Sequence[checks.Check]) -> CellFields:
    if cell.run is None:
        return {"state": CellState.FAILED, "error": RUN_DELETED}
    if cell.run.state not in ENDED:
        return {"state": cell.run.state}
    record = records.get((cell.run.pk, ACTION))
    if record is None or record.state != State.SUCCEEDED:
        state = State.CANCELLED if cell.run.state == State.CANCELLED else State.FAILED
        error = (record.error if record else None) or cell.run.error
        return {"state": state, "error": error, **(answer_fields(record) if record else {})}
    # The answer stands, whatever became of the run while it was judged.
    verdicts = [
        {"passed": verdict.passed, "reason": verdict.reason[:LONGEST_REASON], **more}
        for verdict, more in verdicts_of(cell, record, records, all_checks)
    ]
    marks = "".join({True: PASSED, False: FAILED, None: OPEN}[verdict["passed"]] for verdict in verdicts)
    return {"state": State.SUCCEEDED, "error": None, **answer_fields(record), "verdicts": verdicts, "marks": marks}


def answer_fields(record: ActionRun) -> CellFields:
    facts, usage = record.facts, record.usage or record.facts.get("usage") or {}
    return {
        "text": answer_text(record),
        "facts": {name: value for name, value in facts.items() if name not in NOT_KEPT},
        "usage": usage or None,
        "warning": record.warning,
        "model": str(facts.get("model") or facts.get("model_requested") or "")[:200],
        "first_token_ms": facts.get("first_token_ms"),
        "total_ms": facts.get("total_ms"),
        "prompt_tokens": usage.get("prompt_tokens"),
        "cached_tokens": usage.get("cached_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
    }


def answer_text(record: ActionRun) -> str:
    """The text of the answer, or what had been streamed of it."""
    output = record.output
    return str(output.get("text") or "") if isinstance(output, dict) else record.text


def verdicts_of(
    cell: Cell, record: ActionRun, records: CallRecords, all_checks: Sequence[checks.Check]
) -> list[tuple[Verdict, CellFields]]:
    answer, row = answer_text(record), cell.row.variables
    return [
        judge_verdict(records.get((record.run_id, judge_path(number))))
        if check.kind == "judge"
        else (decide(check, answer, row), {})
        for number, check in enumerate(all_checks)
    ]


def judge_verdict(call: ActionRun | None) -> tuple[Verdict, CellFields]:
    """What a judge said, and the tokens it took."""
    if call is None:
        return Verdict(None, "The run ended before it was judged."), {}
    usage = call.usage or call.facts.get("usage") or {}
    spent = {name: usage.get(name) or 0 for name in ("prompt_tokens", "cached_tokens", "completion_tokens")}
    if call.state != State.SUCCEEDED:
        message = str((call.error or {}).get("message") or "The judge was stopped.")
        return Verdict(None, message), spent
    return read_judge_verdict(answer_text(call)), spent


@transaction.atomic
def save_cells(batch: Batch, changed: Sequence[tuple[Cell, CellFields]]) -> None:
    locked = Batch.objects.select_for_update(of=("self",)).filter(pk=batch.pk).first()
    if locked is None:
        return
    number = locked.changes + 1
    alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for cell, fields in changed:
        alike[tuple(fields)].append((*db_values(Cell, fields), number, cell.pk, cell.change))
    for names, rows in alike.items():
        columns = ", ".join(f"{name} = %s" for name in names)
        # One that has changed since it was read was collected by somebody else.
        execute_many(f"UPDATE {table(Cell)} SET {columns}, change = %s WHERE id = %s AND change = %s", rows)  # noqa: S608 - names of our own columns, values are bound
    Batch.objects.filter(pk=batch.pk).update(changes=number)
