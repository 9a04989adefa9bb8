"""When a budget has room, and the days and months that it counts."""

from datetime import UTC, datetime

import pytest

from connections.limits.budgets import DAY, has_room, period_at


@pytest.mark.parametrize(
    ("limit", "used", "reserved", "wanted", "fits"),
    [
        (100, 99, 0, 500, True),
        (100, 100, 0, 0, False),
        (100, 50, 20, 30, True),
        (100, 50, 20, 31, False),
        (100, 50, 1, 60, False),
        (100, 101, 1, 0, False),
    ],
)
def test_a_call_begins_where_what_is_going_fits_with_it(limit, used, reserved, wanted, fits):
    assert has_room(limit, used, reserved, wanted) is fits


@pytest.mark.parametrize(
    ("moment", "day", "month"),
    [
        ((2026, 12, 31, 23, 59, 59, 999_999), ((2026, 12, 31), (2027, 1, 1)), ((2026, 12, 1), (2027, 1, 1))),
        ((2028, 2, 29), ((2028, 2, 29), (2028, 3, 1)), ((2028, 2, 1), (2028, 3, 1))),
        ((2026, 1, 1, 12), ((2026, 1, 1), (2026, 1, 2)), ((2026, 1, 1), (2026, 2, 1))),
    ],
)
def test_days_and_months_begin_at_midnight_by_utc(moment, day, month):
    now = datetime(*moment, tzinfo=UTC).timestamp()
    assert period_at(DAY, now) == tuple(datetime(*date, tzinfo=UTC) for date in day)
    assert period_at("month", now) == tuple(datetime(*date, tzinfo=UTC) for date in month)
