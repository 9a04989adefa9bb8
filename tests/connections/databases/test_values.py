"""What a database gives becomes values of a run, as long as it is not too much."""

import datetime
import math
from decimal import Decimal
from uuid import UUID

import pytest

from connections.databases.query import DatabaseQuery, RowCollector, check_columns, timed_out
from connections.databases.values import json_value, size_of
from connections.kinds.base import DataSourceError

ID = UUID("12345678-1234-5678-1234-567812345678")


class Point:
    def __str__(self):
        return "(1,2)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("x", "x"),
        (1.5, 1.5),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (Decimal("1.50"), 1.5),
        (Decimal("2.00"), 2),
        (Decimal("1E+29"), 10**29),
        (Decimal("1E+30"), 1e30),
        (Decimal("1.00000000000000000001E+30"), "1.00000000000000000001E+30"),
        (Decimal("0.12345678901234567890"), "0.12345678901234567890"),  # more digits than a number keeps
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (datetime.datetime(2026, 11, 30, 12, 0, 1), "2026-11-30T12:00:01"),
        (datetime.date(2026, 11, 30), "2026-11-30"),
        (datetime.time(12, 30), "12:30:00"),
        (datetime.timedelta(minutes=1, milliseconds=500), 60.5),
        (b"\0\xff", "AP8="),
        (bytearray(b"a"), "YQ=="),
        (memoryview(b"a"), "YQ=="),
        (ID, str(ID)),
        ({1: Decimal("2"), "a": [b"a"]}, {"1": 2, "a": ["YQ=="]}),
        ((Decimal("2"), None), [2, None]),
        ({b"a"}, ["YQ=="]),
        (Point(), "(1,2)"),
    ],
)
def test_each_value_becomes_one_that_json_has_a_word_for(value, expected):
    found = json_value(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "size"),
    [("", 0), ("abc", 3), (7, 16), (None, 16), ([], 16), (["abc", 7], 35), ({}, 16), ({"ab": "c", "d": [1]}, 52)],
)
def test_a_value_is_as_large_as_its_text_and_some_for_each_part(value, size):
    assert size_of(value) == size


def refusal_of(job):
    with pytest.raises(DataSourceError) as refused:
        job()
    return refused.value.kind, refused.value.message, refused.value.hint


@pytest.mark.parametrize(("most", "words"), [(1, "1 row."), (2, "2 rows."), (1_000, "1,000 rows.")])
def test_rows_are_taken_until_there_are_too_many(most, words):
    collector = RowCollector(DatabaseQuery("", most_rows=most))
    for _ in range(most):
        collector.add(["x", Decimal("1")])
    kind, message, hint = refusal_of(lambda: collector.add(["y", 2]))
    assert (kind, message) == ("too_many_rows", f"The query gives more than {words}")
    assert hint == "Narrow it with WHERE or LIMIT, or raise the row limit."
    assert collector.rows == [("x", 1)] * most


def test_values_are_taken_until_they_are_too_large():
    collector = RowCollector(DatabaseQuery("", most_bytes=2_500_000))
    collector.add(["x" * 1_000_000, "y" * 500_000])
    collector.add(["z" * 1_000_000])
    assert refusal_of(lambda: collector.add(["!"])) == (
        "too_large",
        "The result is larger than 2.5 MB.",
        "Name the columns that are needed, narrow the query, or raise the size limit.",
    )
    assert len(collector.rows) == 2


def test_a_query_that_takes_too_long_says_how_long_that_was():
    error = timed_out(DatabaseQuery("", timeout=1.5))
    assert (error.kind, error.message, error.hint) == (
        "timeout",
        "The query did not end within 1.5 s and was cancelled.",
        "Narrow it, let an index serve it, or raise the timeout.",
    )


def test_a_row_is_told_by_the_names_of_its_columns():
    assert check_columns(["a", "b"]) == ("a", "b")
    assert check_columns([]) == ()
    unnamed = refusal_of(lambda: check_columns(["a", ""]))
    assert unnamed == ("column", "Column 2 of the result has no name.", "Name it with AS.")
    twice = refusal_of(lambda: check_columns(["a", "b", "a"]))
    assert twice == ("column", "Two columns of the result are called a.", "Give each a name of its own with AS.")
