"""Pages of rows by where they begin, so that rows that come meanwhile do not move them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import QuerySet

from flows.models import ActionRun, LogEntry
from foundryflow.http import whole_number

NEWEST = "newest"  # as `until` of an address
Row = TypeVar("Row", ActionRun, LogEntry)


@dataclass(frozen=True)
class RowWindow(Generic[Row]):
    """Rows of one page in their order, and where the pages beside it end and begin."""

    rows: Sequence[Row]
    earlier: int | None = None  # number of the last row before
    later: int | None = None  # number of the first row behind

    @property
    def is_complete(self) -> bool:
        """Whether one page holds everything."""
        return self.earlier is None and self.later is None


@dataclass(frozen=True)
class PagePlace:
    """Where a page begins or ends, by the numbers of rows; without either, it is the first or the newest page."""

    begin: int | None = None
    end: int | None = None
    newest: bool = False


def place_of(params: Mapping[str, str], otherwise: PagePlace) -> PagePlace:
    """What `from` or `until` of an address asks for; `otherwise` where it asks for nothing."""
    begin, end = whole_number(params.get("from"), 9), whole_number(params.get("until"), 9)
    newest = params.get("until") == NEWEST
    return PagePlace(begin, end, newest) if newest or begin is not None or end is not None else otherwise


def window_of(found: QuerySet[Row], number: str, place: PagePlace, most: int) -> RowWindow[Row]:
    """A page of at most `most` of the rows, which the field `number` puts in order."""
    if place.newest or place.end is not None:
        window = window_before(found, number, place, most)
        if window is not None:
            return window
        place = PagePlace()  # so near to the beginning that this is the first page
    behind = found.filter(**{f"{number}__gte": place.begin}) if place.begin else found
    rows = list(behind.order_by(number)[: most + 1])
    first = number_of(rows[0], number) if rows else place.begin or 0
    has_earlier = place.begin and found.filter(**{f"{number}__lt": first}).exists()
    later = number_of(rows[most], number) if len(rows) > most else None
    return RowWindow(rows[:most], first - 1 if has_earlier else None, later)


def window_before(found: QuerySet[Row], number: str, place: PagePlace, most: int) -> RowWindow[Row] | None:
    """The page that ends at the place; None when so few rows are before it that they fill no page."""
    before = found if place.newest else found.filter(**{f"{number}__lte": place.end})
    rows = list(before.order_by(f"-{number}")[: most + 1])
    if len(rows) <= most:
        return None
    rows = rows[:most][::-1]
    later = None if place.newest else number_behind(found, number, number_of(rows[-1], number))
    return RowWindow(rows, earlier=number_of(rows[0], number) - 1, later=later)


def number_of(row: Row, number: str) -> int:
    return int(getattr(row, number))


def number_behind(found: QuerySet[Row], number: str, last: int) -> int | None:
    following = found.filter(**{f"{number}__gt": last}).order_by(number).values_list(number, flat=True).first()
    return None if following is None else int(following)
