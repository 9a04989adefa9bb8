"""The figures of a batch: counts, times, tokens and pass rates, counted in a fixed number of queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from django.db.models import Count, F, IntegerField, Q, QuerySet, Sum, Value, Window
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, RowNumber, Substr
from django.db.models.lookups import Exact

from flows.batch.models import Batch, Cell, CellState
from flows.batch.results import FAILED, OPEN, PASSED

TIMES = ("first_token_ms", "total_ms")
TOKENS = ("prompt_tokens", "cached_tokens", "completion_tokens")
LIVE = (CellState.NEW, CellState.QUEUED, CellState.RUNNING, CellState.WAITING)
UNANSWERED = (CellState.NEW, CellState.CANCELLED)

Tokens = Mapping[str, int]
Grouped = Mapping[str, Any]  # a row of the database: cells of one variant, model and state together


@dataclass(frozen=True)
class PassRate:
    """How often one check passed."""

    passed: int = 0
    failed: int = 0
    open: int = 0

    @property
    def decisions(self) -> int:
        return self.passed + self.failed

    @property
    def percent(self) -> int | None:
        return round(100 * self.passed / self.decisions) if self.decisions else None


@dataclass(frozen=True)
class VariantFigures:
    """The figures of one variant."""

    states: Counter[str] = field(default_factory=Counter)
    rates: tuple[PassRate, ...] = ()
    spent: Mapping[str, Tokens] = field(default_factory=dict)  # by the model that answered
    judged: Mapping[int, Tokens] = field(default_factory=dict)  # by check
    means: Mapping[str, float | None] = field(default_factory=dict)
    medians: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def answers(self) -> int:
        return self.states[CellState.SUCCEEDED]

    @property
    def failures(self) -> int:
        return self.states[CellState.FAILED]

    @property
    def prompt_tokens(self) -> int:
        return sum(tokens["prompt_tokens"] for tokens in self.spent.values())

    @property
    def completion_tokens(self) -> int:
        return sum(tokens["completion_tokens"] for tokens in self.spent.values())


def figures_of(batch: Batch) -> list[VariantFigures]:
    """One for each variant. Three queries."""
    rows = list(grouped_cells(batch))
    medians = {name: medians_of(batch, name) for name in TIMES}
    return [
        variant_figures(
            [row for row in rows if row["variant"] == variant],
            batch.checks,
            {name: medians[name].get(variant) for name in TIMES},
        )
        for variant in range(len(batch.variants))
    ]


def grouped_cells(batch: Batch) -> QuerySet[Cell, Grouped]:
    """Counts and sums of the cells of each variant, model and state."""
    marks = [(number, mark) for number in range(len(batch.checks)) for mark in (PASSED, FAILED, OPEN)]
    spent = [(number, name) for number in judges_in(batch.checks) for name in TOKENS]
    return (
        batch.cells.order_by()
        .values("variant", "model", "state")
        .annotate(
            cells=Count("pk"),
            **{f"{name}_sum": Sum(name) for name in (*TIMES, *TOKENS)},
            **{f"{name}_count": Count(name) for name in TIMES},
            **{f"check_{number}_{mark}": count_marks(number, mark) for number, mark in marks},
            **{f"judge_{number}_{name}": sum_judge_tokens(number, name) for number, name in spent},
        )
    )


def judges_in(checks: Sequence[Mapping[str, Any]]) -> list[int]:
    """The numbers of the checks that a model judges."""
    return [number for number, check in enumerate(checks) if check.get("kind") == "judge"]


def variant_figures(
    rows: Sequence[Grouped], checks: Sequence[Mapping[str, Any]], medians: Mapping[str, float | None]
) -> VariantFigures:
    rates = [
        PassRate(*(sum(row[f"check_{number}_{mark}"] for row in rows) for mark in (PASSED, FAILED, OPEN)))
        for number in range(len(checks))
    ]
    return VariantFigures(
        states=sum_counts((row["state"], row["cells"]) for row in rows),
        rates=tuple(rates),
        spent=tokens_by_model(rows),
        judged={number: tokens_of(rows, f"judge_{number}_", "") for number in judges_in(checks)},
        means={name: mean(rows, name) for name in TIMES},
        medians=medians,
    )


def count_marks(check: int, mark: str) -> Count:
    return Count("pk", filter=Exact(Substr("marks", check + 1, 1), Value(mark)))


def sum_judge_tokens(check: int, tokens: str) -> Sum:
    return Sum(Cast(KT(f"verdicts__{check}__{tokens}"), IntegerField()))


def sum_counts(counts: Iterable[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, count in counts:
        found[name] += count
    return found


def tokens_by_model(rows: Sequence[Grouped]) -> dict[str, Tokens]:
    """Tokens by model, of calls that were answered or cost something all the same."""
    spent = [row for row in rows if row["state"] == CellState.SUCCEEDED or any(row[f"{name}_sum"] for name in TOKENS)]
    models = dict.fromkeys(row["model"] for row in spent)
    return {model: tokens_of([row for row in spent if row["model"] == model], "", "_sum") for model in models}


def tokens_of(rows: Sequence[Grouped], before: str, after: str) -> Tokens:
    return {name: sum(row[f"{before}{name}{after}"] or 0 for row in rows) for name in TOKENS}


def mean(rows: Sequence[Grouped], name: str) -> float | None:
    count = sum(row[f"{name}_count"] for row in rows)
    return sum(row[f"{name}_sum"] or 0 for row in rows) / count if count else None


def medians_of(batch: Batch, name: str) -> dict[int, float]:
    """By variant: the value in the middle, or the mean of the two that are."""
    of_variant = F("variant")
    middle = Q(place=(F("count") + 1) / 2) | Q(place=(F("count") + 2) / 2)
    found = (
        batch.cells.filter(**{f"{name}__isnull": False})
        .order_by()
        .annotate(
            place=Window(RowNumber(), partition_by=of_variant, order_by=name),
            count=Window(Count("pk"), partition_by=of_variant),
        )
        .filter(middle)
        .values_list("variant", name)
    )
    values: dict[int, list[float]] = {}
    for variant, value in found:
        values.setdefault(variant, []).append(value)
    return {variant: fmean(both) for variant, both in values.items()}
