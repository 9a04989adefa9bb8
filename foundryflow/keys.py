"""Whether the encryption key is the one that the secrets of this database are sealed with.

For each key that was ever the first of the ring there is a canary: a text sealed with it. At every start the ring
has to open them all. A former key may go once nothing that is stored needs it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import ExpressionWrapper, F, TextField
from encrypted_model_fields.fields import EncryptedMixin

from foundryflow.models import KeyCanary

PLAIN = b"foundryflow canary"
SETTING = "FOUNDRYFLOW_ENCRYPTION_KEY"


class WrongKey(Exception):
    """Nothing may start with this key; the message says which one is meant."""


class NotMigrated(Exception):
    """There is no table to look into."""

    def __init__(self) -> None:
        super().__init__("The database is not as this version needs it: run `python manage.py migrate` first.")


class KeyRing:
    """The configured keys, the first of which seals."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = [Fernet(key) for key in keys]
        self.fingerprints = [fingerprint(key) for key in keys]

    @property
    def first(self) -> str:
        return self.fingerprints[0]

    def seal(self, plain: bytes = PLAIN) -> str:
        return self._keys[0].encrypt(plain).decode()

    def open(self, sealed: str) -> tuple[str, bytes] | None:
        """Fingerprint of the key that opens it, and what is inside; None when none does."""
        for name, key in zip(self.fingerprints, self._keys, strict=True):
            try:
                return name, key.decrypt(sealed.encode())
            except InvalidToken:
                continue
        return None


@dataclass(frozen=True)
class StoredSecret:
    """One encrypted value, as it stands in the database."""

    model: type[models.Model]
    column: str
    pk: int
    sealed: str

    def replace(self, sealed: str) -> bool:
        """False when it has changed or gone meanwhile."""
        quote = connection.ops.quote_name
        table, column = quote(self.model._meta.db_table), quote(self.column)
        key = quote(self.model._meta.pk.column)  # type: ignore[arg-type]  # a key has a column
        update = f"UPDATE {table} SET {column} = %s WHERE {key} = %s AND {column} = %s"  # noqa: S608 - names of ours
        with connection.cursor() as cursor:  # the ORM would seal what is sealed already
            cursor.execute(update, [sealed, self.pk, self.sealed])
            return bool(cursor.rowcount)


def fingerprint(key: str) -> str:
    """Eight hex digits that tell keys apart and say nothing about either: a key has 256 bits of its own."""
    return hashlib.sha256(b"foundryflow encryption key:" + base64.urlsafe_b64decode(key)).hexdigest()[:8]


def key_ring() -> KeyRing:
    return KeyRing(settings.FIELD_ENCRYPTION_KEY)


def verify_keys() -> None:
    """Called by whatever is about to read or write secrets. Raises WrongKey, NotMigrated.

    A new database is sealed with the first key, and so is one that a former key of the ring opens.
    """
    keys = key_ring()
    try:
        canaries = list(KeyCanary.objects.order_by("pk"))
    except DatabaseError:
        if not is_migrated():
            raise NotMigrated from None
        raise
    if all(keys.open(canary.sealed) for canary in canaries) and is_known(keys.first, canaries):
        return
    try:
        with transaction.atomic():
            seal_canary(keys)
    except IntegrityError:  # another process was faster; its canary counts
        verify_keys()


def is_migrated() -> bool:
    return KeyCanary._meta.db_table in connection.introspection.table_names()


def is_known(name: str, canaries: list[KeyCanary]) -> bool:
    return any(canary.fingerprint == name for canary in canaries)


def seal_canary(keys: KeyRing) -> None:
    """Makes sure that there is a canary of the first key. Call in a transaction.

    Processes that begin together wait for each other at the rows; the number of a new one lets only one add it.
    """
    list(KeyCanary.objects.select_for_update())
    canaries = list(KeyCanary.objects.order_by("pk"))
    closed = [canary for canary in canaries if keys.open(canary.sealed) is None]
    opened = [] if canaries and not closed else [keys.open(each.sealed) is not None for each in stored_secrets()]
    if closed and (len(closed) == len(canaries) or not all(opened)):
        raise WrongKey(wrong_key_message(keys, closed))
    if not canaries and opened and not any(opened):
        raise WrongKey(no_key_message(keys, len(opened)))
    for canary in closed:  # nothing needs that key any more
        canary.delete()
    add_canary(keys, canaries)


def add_canary(keys: KeyRing, canaries: list[KeyCanary]) -> None:
    if not is_known(keys.first, canaries):
        number = max((canary.number for canary in canaries), default=0) + 1
        KeyCanary.objects.create(number=number, fingerprint=keys.first, sealed=keys.seal())


def stored_secrets() -> Iterator[StoredSecret]:
    """Every encrypted value of the database, of whichever app."""
    tables = set(connection.introspection.table_names())
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, EncryptedMixin) and model._meta.db_table in tables:
                rows = with_raw(model, field.name).exclude(raw_value="").exclude(raw_value=None)
                for pk, sealed in rows.order_by("pk").values_list("pk", "raw_value").iterator():
                    yield StoredSecret(model, field.column, pk, sealed)


def with_raw(model: type[models.Model], column: str) -> models.QuerySet[models.Model]:
    """The rows with what is stored in the column, not decrypted."""
    return model._base_manager.annotate(raw_value=ExpressionWrapper(F(column), output_field=TextField()))


def renew_secrets() -> int:
    """Seals everything anew that a former key sealed; how many values that were. Servers may go on meanwhile.

    Raises WrongKey when there is something that no key opens.
    """
    keys, renewed, closed = key_ring(), 0, 0
    for each in stored_secrets():
        opened = keys.open(each.sealed)
        if opened is None:
            closed += 1
        elif opened[0] != keys.first:
            renewed += each.replace(keys.seal(opened[1]))
    if closed:
        raise WrongKey(
            f"{secret_count(renewed)} now sealed with the key {keys.first}, and {secret_count(closed)} not opened by"
            f" any key of {SETTING} ({', '.join(keys.fingerprints)})."
        )
    return renewed


def forget_former_keys() -> list[str]:
    """From now on only the configured keys are asked for; what they don't open stays unreadable. The forgotten."""
    keys = key_ring()
    with transaction.atomic():
        canaries = list(KeyCanary.objects.select_for_update())
        closed = [each for each in canaries if keys.open(each.sealed) is None]
        add_canary(keys, canaries)
        for canary in closed:
            canary.delete()
    return [canary.fingerprint for canary in closed]


def wrong_key_message(keys: KeyRing, closed: list[KeyCanary]) -> str:
    meant = " and ".join(f"{each.fingerprint} (since {each.sealed_at:%Y-%m-%d %H:%M} UTC)" for each in closed)
    return (
        f"The secrets of this database are sealed with the encryption key {meant}. {ring_sentence(keys)}\n{way_out()}"
    )


def no_key_message(keys: KeyRing, count: int) -> str:
    said = f"No key opens what is stored here: {secret_count(count)} sealed with another."
    return f"{said} {ring_sentence(keys)}\n{way_out()}"


def ring_sentence(keys: KeyRing) -> str:
    number = len(keys.fingerprints)
    return f"{SETTING} holds {'only ' if number == 1 else ''}{', '.join(keys.fingerprints)}. Nothing was started."


def way_out() -> str:
    return (
        f"Put the former key at the end of {SETTING} (new,former), or restore .env from its backup."
        " If the key is lost for good, `python manage.py encryption forget` goes on without what it sealed."
    )


def secret_count(number: int) -> str:
    return "1 secret is" if number == 1 else f"{number:,} secrets are"
