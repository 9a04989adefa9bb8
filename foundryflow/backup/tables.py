"""What a backup holds: the tables of every app, by the fields of their models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps.registry import Apps
from django.db import models
from encrypted_model_fields.fields import EncryptedMixin

# Signed-in browsers and processes belong to one installation; Django makes types and permissions itself.
LEFT_OUT = frozenset(
    {
        "auth.permission",
        "auth.group_permissions",
        "auth.user_user_permissions",
        "contenttypes.contenttype",
        "foundryflow.serverprocess",
        "sessions.session",
        "usersessions.usersession",
    }
)
KINDS = {
    **dict.fromkeys(("AutoField", "BigAutoField", "SmallAutoField"), "integer"),
    **dict.fromkeys(("IntegerField", "BigIntegerField", "SmallIntegerField"), "integer"),
    **dict.fromkeys(("PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField"), "integer"),
    **dict.fromkeys(("CharField", "TextField", "SlugField", "URLField", "FileField", "GenericIPAddressField"), "text"),
    "BooleanField": "boolean",
    "JSONField": "json",  # as its text, so that numbers of any size stay what they are
    "FloatField": "float",
    "DecimalField": "decimal",
    "DateTimeField": "datetime",
    "DateField": "date",
    "TimeField": "time",
    "DurationField": "duration",
    "UUIDField": "uuid",
    "BinaryField": "binary",
}
SEALED = "sealed"  # text that is encrypted


class UnknownField(Exception):
    """A field of a type that no backup has met yet; KINDS needs it."""


@dataclass(frozen=True)
class BackupColumn:
    name: str
    kind: str  # of KINDS, or SEALED
    places: int = 0  # of a decimal


@dataclass(frozen=True)
class BackupTable:
    """A table in the order of its key."""

    name: str
    label: str  # what people call its rows
    key: str
    columns: tuple[BackupColumn, ...]

    @property
    def shape(self) -> frozenset[BackupColumn]:
        """What has to be the same where it is restored."""
        return frozenset(self.columns)


def owned_models(registry: Apps) -> Iterator[type[models.Model]]:
    """Those whose tables our migrations make, in the installed apps or as these were at some migration."""
    for model in registry.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy:
            yield model


def owned_tables(registry: Apps) -> list[str]:
    return sorted(model._meta.db_table for model in owned_models(registry))


def owned_apps(registry: Apps) -> set[str]:
    return {model._meta.app_label for model in owned_models(registry)}


def tables_of(registry: Apps) -> list[BackupTable]:
    """The tables that a backup holds, by name. Raises UnknownField."""
    kept = (model for model in owned_models(registry) if model._meta.label_lower not in LEFT_OUT)
    return sorted(map(table_of, kept), key=lambda table: table.name)


def table_of(model: type[models.Model]) -> BackupTable:
    meta = model._meta
    columns = tuple(column_of(field) for field in meta.local_concrete_fields)
    return BackupTable(meta.db_table, str(meta.verbose_name_plural), str(meta.pk.column), columns)


def column_of(field: Any) -> BackupColumn:
    return BackupColumn(field.column, kind_of(field), getattr(field, "decimal_places", 0) or 0)


def kind_of(field: Any) -> str:
    if isinstance(field, models.ForeignKey):
        return kind_of(field.target_field)
    if isinstance(field, EncryptedMixin):
        return SEALED
    try:
        return KINDS[field.get_internal_type()]
    except KeyError:
        raise UnknownField(f"{field.model._meta.label}.{field.name}: {field.get_internal_type()}") from None
