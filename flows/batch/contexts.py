"""What the pages of batches show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils.safestring import mark_safe

from flows.batch.figures import LIVE
from flows.batch.labels import check_label
from flows.batch.lifecycle import variants_of
from flows.batch.models import Batch, Cell, CellState
from flows.batch.variants import Variant
from flows.flowchart.states import StateView, failure_words, state_view_of
from flows.language.values import as_text
from flows.playground.setup import LETTERS
from foundryflow.markdown import render_markdown

DONE = (CellState.SUCCEEDED, CellState.FAILED)
VALUE_CLIP = 160  # characters of a value in a table
NOT_ASKED = StateView("new", "circle-dashed", "Not asked yet", "mute", "Not asked yet")


def state_of(cell: Cell) -> StateView:
    if cell.state == CellState.NEW:
        return NOT_ASKED
    name = "warning" if cell.state == CellState.SUCCEEDED and cell.warning else str(cell.state)
    words = cell.warning if name == "warning" else failure_words(cell.error or {}) if name == "failed" else ""
    return state_view_of(name, words)


@dataclass(frozen=True)
class VariantView:
    number: int
    variant: Variant

    @property
    def letter(self) -> str:
        return LETTERS[self.number]

    @property
    def model(self) -> str:
        return self.variant.setup.model

    @property
    def connection(self) -> str:
        return self.variant.setup.connection

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Label and value; what is long is only named."""
        found = self.variant.setup.parameters.items()
        return [(name.replace("_", " ").capitalize(), short_value(value)) for name, value in found]


def short_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "JSON schema"
    return as_text(value)[:40]


def variant_views(batch: Batch) -> list[VariantView]:
    return [VariantView(number, variant) for number, variant in enumerate(variants_of(batch))]


@dataclass(frozen=True)
class CheckMark:
    """What one check said of one answer."""

    icon: str
    css: str
    word: str
    check: str
    reason: str


MARKS = {
    True: ("circle-check", "ok", "Passed"),
    False: ("circle-x", "bad", "Failed"),
    None: ("circle-dashed", "mute", "Undecided"),
}


def marks_of(verdicts: Iterable[Mapping[str, Any]], checks: Sequence[str]) -> list[CheckMark]:
    return [
        CheckMark(*MARKS[verdict.get("passed")], check, str(verdict.get("reason") or ""))
        for verdict, check in zip(verdicts, checks, strict=False)
    ]


def shorten(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most].rstrip()}…"


class AnswerDetail:
    """One answer in full."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.letter = LETTERS[cell.variant]
        self.state = state_of(cell)
        self.live = cell.state in LIVE
        self.html = mark_safe(render_markdown(cell.text)) if cell.text.strip() else ""  # noqa: S308 - that is what it makes
        self.marks = marks_of(cell.verdicts, [check_label(check) for check in cell.batch.checks])
        self.values = [(name, as_text(cell.row.variables.get(name))) for name in cell.batch.columns]

    @property
    def neighbours(self) -> list[tuple[str, int]]:
        """The same variant's answers to the rows before and after."""
        here = self.cell.row.number
        beside = self.cell.batch.cells.filter(variant=self.cell.variant, row__number__in=(here - 1, here + 1))
        words = {here - 1: "Previous row", here + 1: "Next row"}
        return [(words[number], pk) for number, pk in beside.order_by("row__number").values_list("row__number", "pk")]


@dataclass(frozen=True)
class BatchListRow:
    batch: Batch
    total: int
    done: int
    failed: int

    @property
    def models(self) -> str:
        return ", ".join(view.model for view in variant_views(self.batch))

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


def list_rows(batches: Iterable[Batch]) -> list[BatchListRow]:
    """Counted by the states of the runs, so that batches whose results nobody collected yet are told right."""
    shown = list(batches)
    uncollected = Q(state__in=LIVE)
    done = Q(state__in=DONE) | uncollected & Q(run__state__in=DONE)
    failed = Q(state=CellState.FAILED) | uncollected & Q(run__state=CellState.FAILED)
    counts = (
        Cell.objects.filter(batch__in=[batch.pk for batch in shown])
        .order_by()
        .values("batch")
        .annotate(total=Count("pk"), done=Count("pk", filter=done), failed=Count("pk", filter=failed))
        .values_list("batch", "total", "done", "failed")
    )
    found = {batch: (total, done, failed) for batch, total, done, failed in counts}
    return [BatchListRow(batch, *found.get(batch.pk, (0, 0, 0))) for batch in shown]
