"""The grid on the page of a batch: one page of its rows, each with the answers of every variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Left, Length

from flows.batch.contexts import VALUE_CLIP, CheckMark, marks_of, shorten, state_of, variant_views
from flows.batch.labels import check_label
from flows.batch.models import Batch, Cell, CellState, Row
from flows.batch.results import FAILED
from flows.flowchart.states import StateView
from flows.language.values import as_text
from flows.playground.setup import LETTERS
from foundryflow.templatetags.ui import duration_ms

ROWS_A_PAGE = 50  # of a page
CLIP = 400  # characters of an answer
FILTERS = {"all": "All rows", "failed": "Failed", "checks": "A check failed", "differing": "Answers differ"}


@dataclass(frozen=True)
class GridCell:
    cell: Cell
    state: StateView
    clip: str
    clipped: bool
    marks: Sequence[CheckMark]

    @classmethod
    def of(cls, cell: Any, checks: Sequence[str]) -> GridCell:
        """`cell` is read by `grid_cells`: what is long stays in the database."""
        return cls(cell, state_of(cell), cell.clip, cell.length > CLIP, marks_of(cell.verdicts, checks))

    @property
    def letter(self) -> str:
        return LETTERS[self.cell.variant]

    @property
    def metrics(self) -> str:
        cell = self.cell
        if cell.total_ms is None:
            return ""
        spent = (cell.prompt_tokens or 0) + (cell.completion_tokens or 0)
        first = f"{duration_ms(cell.first_token_ms)} first · " if cell.first_token_ms is not None else ""
        return f"{first}{duration_ms(cell.total_ms)}" + (f" · {spent:,} tokens" if spent else "")


def grid_cells(cells: QuerySet[Cell]) -> QuerySet[Cell]:
    return cells.annotate(clip=Left("text", CLIP), length=Length("text")).defer("text", "facts", "usage")


@dataclass(frozen=True)
class GridRow:
    row: Row
    values: Sequence[str]
    cells: Sequence[GridCell]


class ResultsGrid:
    """One page of rows with their answers. Three queries."""

    def __init__(self, batch: Batch, show: str, number: Any) -> None:
        self.batch, self.show = batch, show if show in FILTERS else "all"
        self.views = variant_views(batch)
        self.checks = [check_label(check) for check in batch.checks]
        used = {name for view in self.views for name in view.variant.inputs}
        self.columns = [(name, name in used) for name in batch.columns]
        self.page: Page[Row] = Paginator(filter_rows(batch, self.show), ROWS_A_PAGE).get_page(number)
        rows = list(self.page)
        found: dict[int, list[GridCell]] = {}
        for cell in grid_cells(Cell.objects.filter(row__in=[row.pk for row in rows])).order_by("variant"):
            found.setdefault(cell.row_id, []).append(GridCell.of(cell, self.checks))
        self.rows = [GridRow(row, self._values(row), found.get(row.pk, [])) for row in rows]

    def _values(self, row: Row) -> list[str]:
        return [shorten(as_text(row.variables.get(name)), VALUE_CLIP) for name in self.batch.columns]

    @property
    def filters(self) -> list[tuple[str, str, bool]]:
        return [(key, words, key == self.show) for key, words in FILTERS.items()]


def filter_rows(batch: Batch, show: str) -> QuerySet[Row]:
    rows = batch.rows.order_by("number")
    cells = Cell.objects.filter(row=OuterRef("pk"))
    match show:
        case "failed":
            return rows.filter(Exists(cells.filter(state=CellState.FAILED)))
        case "checks":
            return rows.filter(Exists(cells.filter(marks__contains=FAILED)))
        case "differing":
            answers = Count("cells__text", distinct=True, filter=Q(cells__state=CellState.SUCCEEDED))
            return rows.annotate(answers=answers).filter(answers__gt=1)
    return rows
