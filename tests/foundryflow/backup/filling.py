"""Fills every table of every app with rows that are hard to keep, whatever its columns are.

`python -m tests.foundryflow.backup.filling [rows]` does so in the configured database.
"""

from __future__ import annotations

import datetime as dt
import sys
import uuid
from decimal import Decimal
from typing import Any

TEXTS = (
    "plain",
    "Zoë 漢字 🦊 e\u0301 \u202e \ufffd",
    'line\nfeed\r\ttab "quoted" \\back \u2028 \u0085 \x01',
    "",
    " NULL ",
    "\\N",
)
DOCUMENTS = (
    '{"b": 1, "a": [1, 2.50, 1e2, 12345678901234567890123456789, 0.1], "z": null}',
    '"\\u0001 \\u2028 漢字 \\\\"',
    "[]",
    '{"": "", "0.30000000000000004": 123456789012345678.123456789}',
    "null",
    "-0.0",
)
MOMENTS = (
    dt.datetime(2026, 11, 30, 3, 49, 38, 123456, tzinfo=dt.UTC),
    dt.datetime(2026, 11, 30, 3, 49, 38, tzinfo=dt.UTC),
    dt.datetime(1, 1, 2, 0, 0, 0, 1, tzinfo=dt.UTC),
    dt.datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=dt.UTC),
    dt.datetime(1969, 12, 31, 23, 59, 59, 100000, tzinfo=dt.UTC),
)
FLOATS = (0.1, 1e308, -5e-324, 123456789.123456789, 2.0)


def fill(rows: int = 4) -> None:
    from django.apps import apps
    from django.db import connection

    from foundryflow.backup.tables import LEFT_OUT, owned_models

    waiting = [model for model in owned_models(apps) if model._meta.label_lower not in LEFT_OUT]
    filled: dict[Any, list[Any]] = {}
    while waiting:
        model = next(each for each in waiting if all(parent in filled for parent in needed(each)))
        waiting.remove(model)
        filled[model] = []
        if model._meta.label_lower == "foundryflow.keycanary":
            continue
        for number in range(rows):
            values = [value_of(field, number, filled) for field in model._meta.local_concrete_fields]
            columns = ", ".join(f'"{field.column}"' for field in model._meta.local_concrete_fields)
            places = ", ".join(["%s"] * len(values))
            with connection.cursor() as cursor:
                cursor.execute(f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({places})', values)
            filled[model].append(model._meta.pk and values[model._meta.local_concrete_fields.index(model._meta.pk)])
    if connection.vendor == "postgresql":
        from django.core.management.color import no_style

        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(filled)):
                cursor.execute(statement)


def needed(model: Any) -> list[Any]:
    return [
        field.related_model
        for field in model._meta.local_concrete_fields
        if field.is_relation and not field.null and field.related_model is not model
    ]


def value_of(field: Any, number: int, filled: dict[Any, list[Any]]) -> Any:
    """As the database takes it."""
    from django.db import connection, models

    if field.is_relation:
        there = filled.get(field.related_model) or []
        return there[number] if number < len(there) and not (field.null and number == 1) else None
    if field.null and (number == 1 or (number > 1 and field.unique and isinstance(field, models.BooleanField))):
        return None
    if isinstance(field, models.AutoField):
        return 7 * (number + 1)
    if isinstance(field, models.JSONField):
        text = DOCUMENTS[number % len(DOCUMENTS)]
        return text if not field.primary_key else None
    value = python_value(field, number)
    return field.get_db_prep_save(value, connection)


def python_value(field: Any, number: int) -> Any:
    from django.db import models

    match field:
        case models.UUIDField():
            return uuid.UUID(int=2**127 + number)
        case models.BooleanField():
            return number % 2 == 0
        case models.GenericIPAddressField():
            return ("10.0.0.1", "2001:db8::1")[number % 2]
        case models.CharField() | models.TextField():
            unique = field.unique or bool(field.model._meta.constraints) or bool(field.model._meta.unique_together)
            text = f"{number}{TEXTS[number % len(TEXTS)]}" if unique else TEXTS[number % len(TEXTS)]
            return text[: field.max_length]
        case models.DateTimeField():
            return MOMENTS[number % len(MOMENTS)]
        case models.DateField():
            return dt.date(2026, 1, 1 + number)
        case models.DecimalField():
            return Decimal("1.10") + number
        case models.FloatField():
            return FLOATS[number % len(FLOATS)]
        case models.PositiveSmallIntegerField() | models.SmallIntegerField():
            return 32_767 - number
        case models.PositiveBigIntegerField() | models.BigIntegerField():
            return 2**63 - 1 - number
        case models.IntegerField():
            return 2**31 - 1 - number
    raise AssertionError(f"no value for {field}")


if __name__ == "__main__":
    import django

    django.setup()
    fill(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
