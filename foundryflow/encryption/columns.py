"""Every encrypted value of the database, of whichever app: found by the type of its field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import ExpressionWrapper, F, Q, TextField
from encrypted_model_fields.fields import EncryptedMixin

from foundryflow.database.waiting import retry_while_away

AT_ONCE = 100  # values that are read, and written, together
MOST_NAMED = 10  # rows of a kind, in a sentence

Seal = Callable[["EncryptedValue"], str]


@dataclass(frozen=True)
class EncryptedValue:
    """One encrypted value, as it stands in the database."""

    column: EncryptedColumn
    pk: Any
    sealed: str

    def replace(self, sealed: str) -> bool:
        """False when it has changed or gone meanwhile."""
        return self.column.replace(self, sealed)


@dataclass(frozen=True)
class EncryptedColumn:
    """A column of encrypted texts."""

    model: type[models.Model]
    field: Any

    @property
    def kind(self) -> str:
        """What its rows are called, such as "connections"."""
        return str(self.model._meta.verbose_name_plural)

    @property
    def path(self) -> str:
        """To what people know a row by."""
        return getattr(self.model, "secrets_known_by", "pk")

    def count(self) -> int:
        return self._filled_rows().count()

    def batches(self) -> Iterator[list[EncryptedValue]]:
        """All values in the order of their keys, some at a time. Waits for a database that is away."""
        last: Any = None
        while found := retry_while_away(partial(self._values_behind, last)):
            last = found[-1].pk
            yield found

    def _values_behind(self, last: Any) -> list[EncryptedValue]:
        rows = self._filled_rows() if last is None else self._filled_rows().filter(pk__gt=last)
        some = rows.order_by("pk").values_list("pk", "raw_value")[:AT_ONCE]
        return [EncryptedValue(self, pk, sealed) for pk, sealed in some]

    def _filled_rows(self) -> models.QuerySet[models.Model]:
        raw = ExpressionWrapper(F(self.field.name), output_field=TextField())  # not decrypted
        return self.model._base_manager.annotate(raw_value=raw).exclude(raw_value="").exclude(raw_value=None)

    def replace(self, value: EncryptedValue, sealed: str) -> bool:
        quote = connection.ops.quote_name
        table, column = quote(self.model._meta.db_table), quote(self.field.column)
        key = quote(self.model._meta.pk.column)  # type: ignore[arg-type]  # a key has a column
        update = f"UPDATE {table} SET {column} = %s WHERE {key} = %s AND {column} = %s"  # noqa: S608 - names of ours
        with connection.cursor() as cursor:  # the ORM would seal what is sealed already
            cursor.execute(update, [sealed, value.pk, value.sealed])
            return bool(cursor.rowcount)

    def lock(self, values: Iterable[EncryptedValue]) -> set[Any]:
        """Keys of the rows that nobody else is changing, which stay this transaction's."""
        rows = self.model._base_manager.filter(pk__in=[value.pk for value in values]).order_by("pk")
        return set(rows.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))

    def names(self, keys: Iterable[Any]) -> list[str]:
        """What people know these rows by, one more than are named in a sentence at most."""
        rows = self.model._base_manager.filter(pk__in=list(keys)[:1_000])
        some = rows.order_by(self.path).values_list(self.path, flat=True)
        return [str(name) for name in some.distinct()[: MOST_NAMED + 1]]


@dataclass(frozen=True)
class SealedJson(EncryptedColumn):
    """A column of JSON objects some of whose entries are sealed: texts, or lists of texts."""

    entries: tuple[str, ...]
    known_by: str

    def count(self) -> int:
        return sum(map(len, self.batches()))

    def _values_behind(self, last: Any) -> list[EncryptedValue]:
        """Of whole rows. None only at the end: a list in a row may be empty."""
        rows = self._filled_rows() if last is None else self._filled_rows().filter(pk__gt=last)
        some = list(rows.order_by("pk").values_list("pk", self.field.name)[:AT_ONCE])
        found = [EncryptedValue(self, pk, sealed) for pk, data in some for sealed in self.sealed_in(data)]
        return found if found or not some else self._values_behind(some[-1][0])

    def _filled_rows(self) -> models.QuerySet[models.Model]:
        holds = Q()
        for entry in self.entries:
            holds |= Q(**{f"{self.field.name}__has_key": entry})
        return self.model._base_manager.filter(holds)

    def sealed_in(self, data: Any) -> list[str]:
        """None where it is no object: a backup takes whatever is stored."""
        if not isinstance(data, Mapping):
            return []
        found = [data[entry] for entry in self.entries if data.get(entry)]
        return [
            text for value in found for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
        ]

    def replace(self, value: EncryptedValue, sealed: str) -> bool:
        with transaction.atomic():
            row = self.model._base_manager.select_for_update().filter(pk=value.pk).first()
            data = getattr(row, self.field.name) if row else {}
            if row is None or value.sealed not in self.sealed_in(data):
                return False
            setattr(
                row, self.field.name, {key: replace_inside(held, value.sealed, sealed) for key, held in data.items()}
            )
            row.save(update_fields=[self.field.name])
            return True

    @property
    def path(self) -> str:
        return self.known_by


def replace_inside(held: Any, former: str, new: str) -> Any:
    if isinstance(held, list):
        return [replace_inside(each, former, new) for each in held]
    return new if held == former else held


_sealed_json: list[SealedJson] = []


def register_sealed_json(model: type[models.Model], field: str, entries: tuple[str, ...], known_by: str) -> None:
    """Of a table that is not our own. `known_by` leads from a row to what people know it by."""
    column = SealedJson(model, model._meta.get_field(field), entries, known_by)
    if column not in _sealed_json:
        _sealed_json.append(column)


def find_sealed_json(table: str, column: str) -> SealedJson | None:
    found = (each for each in _sealed_json if (each.model._meta.db_table, each.field.column) == (table, column))
    return next(found, None)


def encrypted_columns() -> list[EncryptedColumn]:
    """Those that are there: a migration may be about to make another."""
    found = list(_sealed_json) + [
        EncryptedColumn(model, field)
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, EncryptedMixin)
    ]
    there = columns_of({column.model._meta.db_table for column in found})
    return [column for column in found if column.field.column in there[column.model._meta.db_table]]


def columns_of(tables: set[str]) -> dict[str, set[str]]:
    """Their columns in the database; none of a table that is not there."""
    with connection.cursor() as cursor:
        known = set(connection.introspection.table_names(cursor))
        return {
            table: {column.name for column in connection.introspection.get_table_description(cursor, table)}
            if table in known
            else set()
            for table in tables
        }


def encrypted_values() -> Iterator[EncryptedValue]:
    for column in encrypted_columns():
        for batch in column.batches():
            yield from batch


def replace_together(values: list[EncryptedValue], seal: Seal) -> int:
    """Seals values of one column anew; how many. What somebody has changed since it was read is left alone.

    One transaction holds several rows, so that it must never wait for one: those that somebody else holds come
    after it, each by itself.
    """
    sealed = [(value, seal(value)) for value in values]
    with transaction.atomic():
        free = values[0].column.lock(values)
        replaced = sum(value.replace(text) for value, text in sealed if value.pk in free)
    return replaced + sum(value.replace(text) for value, text in sealed if value.pk not in free)


class NamedRows:
    """Rows by kind, for a sentence that names some of them."""

    def __init__(self) -> None:
        self._columns: dict[str, EncryptedColumn] = {}
        self._keys: defaultdict[str, set[Any]] = defaultdict(set)

    def add(self, value: EncryptedValue) -> None:
        self._columns[value.column.kind] = value.column
        self._keys[value.column.kind].add(value.pk)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __str__(self) -> str:
        """Such as "2 connections (contoso, fabrikam), 1 of runs (Restock)"."""
        return ", ".join(self._said(kind, keys) for kind, keys in sorted(self._keys.items()))

    def _said(self, kind: str, keys: set[Any]) -> str:
        column = self._columns[kind]
        names = column.names(sorted(keys))
        more = ", …" if len(names) > MOST_NAMED else ""
        called = kind if len(keys) > 1 else str(column.model._meta.verbose_name)
        return f"{len(keys):,} {called} ({', '.join(names[:MOST_NAMED])}{more})"
