"""Exports a batch as streamed CSV: all variables; of every variant the answer, how it went and its verdicts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from flows.batch.access import find_batch
from flows.batch.audit import record_batch
from flows.batch.contexts import VariantView, variant_views
from flows.batch.csv_output import csv_text
from flows.batch.labels import check_label
from flows.batch.models import Batch, Cell, Row
from flows.batch.results import collect_results
from foundryflow.access import reader
from foundryflow.database.threads import in_thread, read_patiently
from foundryflow.http import Request

AT_ONCE = 200  # rows read and sent together
FACTS = {
    "state": "state",
    "answer": "text",
    "first token ms": "first_token_ms",
    "total ms": "total_ms",
    "tokens in": "prompt_tokens",
    "tokens out": "completion_tokens",
    "cached tokens": "cached_tokens",
    "model": "model",
    "warning": "warning",
}
VERDICTS = {True: "passed", False: "failed", None: "undecided"}


@reader
@require_GET
async def export(request: Request, pk: int) -> StreamingHttpResponse:
    batch = await in_thread(find_batch)(request, pk)
    await in_thread(record_batch)(request, "exported", batch, "as CSV")
    response = StreamingHttpResponse(csv_pieces(batch), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{slugify(batch.name) or "batch"}.csv"'
    return response


async def csv_pieces(batch: Batch) -> AsyncIterator[bytes]:
    """Collects all results first, then reads on from the row that was sent last."""
    while await read_patiently(collect_results, batch):
        pass
    views, checks = variant_views(batch), [check_label(check) for check in batch.checks]
    columns = ["row", *batch.columns, *(name for view in views for name in column_names(view, checks))]
    yield "\ufeff".encode()  # tells spreadsheets that it is UTF-8
    yield csv_text(columns, []).encode()
    after = 0
    while rows := await read_patiently(rows_after, batch, after):
        text = csv_text(columns, [csv_row(row, views, checks) for row in rows])
        yield text.split("\r\n", 1)[1].encode()
        after = rows[-1].number


def column_names(view: VariantView, checks: Sequence[str]) -> list[str]:
    facts = [f"{view.letter} {name}" for name in (*FACTS, "error")]
    return [*facts, *(f"{view.letter} check {number}: {check}" for number, check in enumerate(checks, 1))]


def rows_after(batch: Batch, number: int) -> list[Row]:
    return list(batch.rows.filter(number__gt=number).order_by("number").prefetch_related("cells")[:AT_ONCE])


def csv_row(row: Row, views: Sequence[VariantView], checks: Sequence[str]) -> dict[str, Any]:
    cells = {cell.variant: cell for cell in row.cells.all()}
    line: dict[str, Any] = {"row": row.number, **row.variables}
    for view in views:
        if cell := cells.get(view.number):
            line.update(zip(column_names(view, checks), cell_values(cell, len(checks)), strict=True))
    return line


def cell_values(cell: Cell, checks: int) -> list[Any]:
    facts = [getattr(cell, name) for name in FACTS.values()]
    verdicts: list[Mapping[str, Any]] = [*cell.verdicts, *[{}] * checks][:checks]
    return [*facts, (cell.error or {}).get("message", ""), *map(verdict_text, verdicts)]


def verdict_text(verdict: Mapping[str, Any]) -> str:
    if not verdict:
        return ""
    word, reason = VERDICTS[verdict.get("passed")], verdict.get("reason")
    return f"{word}: {reason}" if reason and word != "passed" else word
