"""The progress of a batch, as the region on top of its page shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flows.batch.contexts import NOT_ASKED, VariantView, variant_views
from flows.batch.costs import BatchCost, CallTokens, cost_of
from flows.batch.figures import LIVE, UNANSWERED, PassRate, VariantFigures, figures_of
from flows.batch.labels import check_label
from flows.batch.models import Batch, CellState
from flows.flowchart.states import StateView, state_view_of
from flows.models import ENDED
from flows.pricing.table import known_prices

BAR = 1000  # width of the progress bar in its own units
PHASE_LABELS = {"going": "Going", "stopping": "Stopping", "stopped": "Stopped", "ended": "All answers are there"}


@dataclass(frozen=True)
class BarSegment:
    """One colour of the progress bar, in its own units."""

    css: str
    x: float
    width: float


@dataclass(frozen=True)
class VariantLine:
    """One variant in the table of figures."""

    view: VariantView
    figures: VariantFigures
    rates: Sequence[tuple[str, PassRate]]
    cost: BatchCost  # of the answers


class BatchProgress:
    """How far a batch has come, and what can be done with it. Four queries."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        figures, prices = figures_of(batch), known_prices()
        self.states: Counter[str] = Counter()
        for each in figures:
            self.states.update(each.states)
        self.total = sum(self.states.values())
        self.live = sum(self.states[state] for state in LIVE)
        self.unanswered = sum(self.states[state] for state in UNANSWERED)
        self.done = self.total - self.live - self.states[CellState.CANCELLED]
        self.checks = [check_label(check) for check in batch.checks]
        self.lines = []
        everything: list[CallTokens] = []
        for view, each in zip(variant_views(batch), figures, strict=True):
            calls = [CallTokens(view.model, model, tokens) for model, tokens in each.spent.items()]
            rates = list(zip(self.checks, each.rates, strict=True))
            self.lines.append(VariantLine(view, each, rates, cost_of(prices, calls)))
            everything += [*calls, *self._judges(each)]
        self.cost = cost_of(prices, everything)
        self.judge_tokens = sum(
            tokens["prompt_tokens"] + tokens["completion_tokens"] for each in figures for tokens in each.judged.values()
        )

    def _judges(self, figures: VariantFigures) -> Iterator[CallTokens]:
        for number, tokens in figures.judged.items():
            if any(tokens.values()):
                deployment = str(self.batch.checks[number].get("model"))
                yield CallTokens(deployment, "", tokens)

    @property
    def phase(self) -> str:
        if self.live:
            return "stopping" if self.batch.stopped_at else "going"
        return "stopped" if self.unanswered else "ended"

    @property
    def phase_label(self) -> str:
        return PHASE_LABELS[self.phase]

    @property
    def is_live(self) -> bool:
        return self.live > 0

    @property
    def failures(self) -> int:
        return self.states[CellState.FAILED]

    @property
    def prompt_tokens(self) -> int:
        return sum(line.figures.prompt_tokens for line in self.lines)

    @property
    def completion_tokens(self) -> int:
        return sum(line.figures.completion_tokens for line in self.lines)

    @property
    def counts(self) -> list[tuple[StateView, int]]:
        shown = [*ENDED, CellState.RUNNING, CellState.WAITING, CellState.QUEUED]
        found = [(state_view_of(str(state)), self.states[state]) for state in shown if self.states[state]]
        return [*found, *([(NOT_ASKED, self.states[CellState.NEW])] if self.states[CellState.NEW] else [])]

    @property
    def segments(self) -> list[BarSegment]:
        parts = [("ok", CellState.SUCCEEDED), ("bad", CellState.FAILED), ("mute", CellState.CANCELLED)]
        made, x = [], 0.0
        for css, state in parts:
            width = round(BAR * self.states[state] / max(self.total, 1), 1)
            made.append(BarSegment(css, x, width))
            x = round(x + width, 1)
        return made


def progress_context(progress: BatchProgress, *, is_mine: bool) -> dict[str, Any]:
    """What the region shows; whoever owns the batch gets the buttons."""
    return {"batch": progress.batch, "progress": progress, "mine": is_mine}
