"""Figures of the answers to one question: of each column, and how several tries of a column spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flows.models import LIVE, State
from flows.playground.chat.costs import Prices, cost_label, cost_of
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import LETTERS
from flows.pricing.prices import money
from foundryflow.templatetags.ui import ESTIMATED, duration_ms


@dataclass(frozen=True)
class ValueRange:
    """Least, middle and most, as they are shown; empty when nothing is known."""

    least: str = ""
    middle: str = ""
    most: str = ""

    @classmethod
    def of(cls, values: Sequence[float], shown: Callable[[float], str]) -> ValueRange:
        return cls(*map(shown, (min(values), statistics.median(values), max(values)))) if values else cls()


@dataclass(frozen=True)
class SpreadRow:
    """All answers of one column to one question."""

    column: int
    model: str
    answers: Sequence[Answer]
    first: ValueRange
    total: ValueRange
    tokens: ValueRange
    cost: ValueRange

    @property
    def letter(self) -> str:
        return LETTERS[self.column]

    @property
    def ranges(self) -> list[ValueRange]:
        return [self.first, self.total, self.tokens, self.cost]

    @property
    def distinct(self) -> int:
        return len({answer.text.strip() for answer in self.answers if answer.state == State.SUCCEEDED})

    @property
    def done(self) -> int:
        return sum(answer.state == State.SUCCEEDED for answer in self.answers)

    @property
    def live(self) -> int:
        return sum(answer.state in LIVE for answer in self.answers)


def spread_of(turn: Turn, columns: int, prices: Prices) -> list[SpreadRow]:
    answers = list(turn.answers.filter(column__lt=columns).order_by("column", "number"))
    return [
        spread_row(column, [answer for answer in answers if answer.column == column], prices)
        for column in sorted({answer.column for answer in answers})
    ]


def spread_row(column: int, answers: Sequence[Answer], prices: Prices) -> SpreadRow:
    done = [answer for answer in answers if answer.state == State.SUCCEEDED]
    facts, usages = [answer.facts for answer in done], [answer.usage or {} for answer in done]
    mark = ESTIMATED if any(usage.get("estimated_tokens") for usage in usages) else ""
    costs = [found for answer in done if (found := cost_of(answer, prices)) is not None]
    return SpreadRow(
        column=column,
        model=str(answers[-1].setup.get("model") or ""),
        answers=answers,
        first=ValueRange.of(numbers_among(facts, "first_token_ms"), duration_ms),
        total=ValueRange.of(numbers_among(facts, "total_ms"), duration_ms),
        tokens=ValueRange.of(numbers_among(usages, "completion_tokens"), lambda value: f"{mark}{value:,.0f}"),
        cost=money_range(costs),
    )


def money_range(costs: Sequence[tuple[Decimal, str]]) -> ValueRange:
    if not costs or len({currency for _, currency in costs}) > 1:
        return ValueRange()
    currency = costs[0][1]
    amounts = sorted(amount for amount, _ in costs)
    return ValueRange(*(money(value, currency) for value in (amounts[0], statistics.median(amounts), amounts[-1])))


def numbers_among(values: Iterable[Mapping[str, Any]], name: str) -> list[float]:
    return [each[name] for each in values if isinstance(each.get(name), int | float)]


@dataclass(frozen=True)
class ColumnFigures:
    """One column of the newest question."""

    column: int
    model: str
    answer: Answer | None
    cost: str = ""

    @property
    def letter(self) -> str:
        return LETTERS[self.column]

    @property
    def live(self) -> bool:
        return self.answer is not None and self.answer.state in LIVE


def column_figures(session: Session, prices: Prices) -> list[ColumnFigures]:
    found = {answer.column: answer for answer in Answer.objects.filter(turn=session.head_id, chosen=True)}
    return [
        ColumnFigures(
            column=column,
            model=str(found[column].setup.get("model")) if column in found else session.setup_of(column).model,
            answer=found.get(column),
            cost=cost_label(found[column], prices) if column in found else "",
        )
        for column in session.column_numbers
    ]
