"""Whether the encryption key is the one that the secrets of this database are sealed with.

For each key that was ever the first of the ring there is a canary: a text sealed with it. At every start the ring
has to open them all. A former key may go once nothing that is stored needs it. Who starts without secrets gets a
canary of his key, too, and that of the missing key stays.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction

from foundryflow.database.errors import MIGRATE
from foundryflow.encryption.columns import NamedRows, encrypted_values
from foundryflow.models import KeyCanary

log = logging.getLogger(__name__)

PLAIN = b"foundryflow canary"
SETTING = "FOUNDRYFLOW_ENCRYPTION_KEY"
UNKNOWN = "unknown"  # fingerprint of a key that sealed before there were canaries
CHECK = "`python manage.py rotate_encryption_key --check` names what cannot be opened."
WAY_OUT = (
    f"Put the former key at the end of {SETTING} (new,former), or restore .env from its backup. If the key is lost,"
    " start with --without-secrets (or FOUNDRYFLOW_WITHOUT_SECRETS=true): what it sealed then has to be entered again."
)


class WrongKey(Exception):
    """Nothing may start with this key; the message says which one is meant."""


class NotMigrated(Exception):
    """There is no table to look into."""

    def __init__(self) -> None:
        super().__init__(MIGRATE)


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
    closed = closed_canaries(keys, canaries)
    if is_known(keys.first, canaries) and (not closed or settings.WITHOUT_SECRETS):
        if closed:
            warn_once(f"Started without the secrets of the encryption key {dated_names(closed)}. {CHECK}")
        return
    try:
        with transaction.atomic():
            seal_canary(keys)
    except IntegrityError:  # another process was faster; its canary counts
        verify_keys()


def is_migrated() -> bool:
    return KeyCanary._meta.db_table in connection.introspection.table_names()


def closed_canaries(keys: KeyRing, canaries: Iterable[KeyCanary]) -> list[KeyCanary]:
    """Those that no key of the ring opens."""
    return [canary for canary in canaries if keys.open(canary.sealed) is None]


def is_known(name: str, canaries: list[KeyCanary]) -> bool:
    return any(canary.fingerprint == name for canary in canaries)


def seal_canary(keys: KeyRing) -> None:
    """Makes sure that there is a canary of the first key. Call in a transaction.

    Processes that begin together wait for each other at the rows; the number of a new one lets only one add it.
    Without secrets it is added beside the missing key's, which goes on being asked for at every other start.
    """
    list(KeyCanary.objects.select_for_update())
    canaries = list(KeyCanary.objects.order_by("pk"))
    closed = closed_canaries(keys, canaries)
    stored = StoredSecrets() if canaries and not closed else StoredSecrets.read_with(keys)
    if refusal := refusal_of(keys, canaries, closed, stored):
        if not settings.WITHOUT_SECRETS:
            raise WrongKey(f"{refusal} {ring_sentence(keys)} Nothing was started.\n{WAY_OUT}")
        warn_once(f"Started without secrets. {refusal} {ring_sentence(keys)}")
        if not canaries:  # whichever key it was: it is missing until nothing needs it
            canaries = [KeyCanary.objects.create(number=1, fingerprint=UNKNOWN, sealed="")]
    add_canary(keys, canaries)
    for canary in () if refusal else closed:  # nothing needs that key any more
        canary.delete()


def refusal_of(keys: KeyRing, canaries: list[KeyCanary], closed: list[KeyCanary], stored: StoredSecrets) -> str:
    """Why nothing may start; empty when it may."""
    # Where no canary is opened and nothing is stored, nothing tells that the key is right.
    is_proved = stored.opened and not stored.unreadable
    if closed and (stored.unreadable or (len(closed) == len(canaries) and not is_proved)):
        cannot = f" Cannot be opened: {stored.unreadable}." if stored.unreadable else ""
        return f"The secrets of this database are sealed with the encryption key {dated_names(closed)}.{cannot}"
    if not canaries and stored.unreadable and not stored.opened:
        return f"No key opens what is stored here: {stored.unreadable}."
    return ""


@dataclass
class StoredSecrets:
    """How much of what is stored the ring opens, and what it does not."""

    opened: int = 0
    unreadable: NamedRows = field(default_factory=NamedRows)

    @classmethod
    def read_with(cls, keys: KeyRing) -> StoredSecrets:
        found = cls()
        for value in encrypted_values():
            if keys.open(value.sealed) is None:
                found.unreadable.add(value)
            else:
                found.opened += 1
        return found


def add_canary(keys: KeyRing, canaries: list[KeyCanary]) -> None:
    if not is_known(keys.first, canaries):
        number = max((canary.number for canary in canaries), default=0) + 1
        KeyCanary.objects.create(number=number, fingerprint=keys.first, sealed=keys.seal())


def forget_former_keys() -> list[str]:
    """From now on only the configured keys are asked for; what they don't open stays unreadable. The forgotten."""
    keys = key_ring()
    with transaction.atomic():
        canaries = list(KeyCanary.objects.select_for_update())
        closed = closed_canaries(keys, canaries)
        add_canary(keys, canaries)
        for canary in closed:
            canary.delete()
    return [canary.fingerprint for canary in closed]


def dated_names(closed: list[KeyCanary]) -> str:
    return " and ".join(f"{each.fingerprint} (since {each.sealed_at:%Y-%m-%d %H:%M} UTC)" for each in closed)


def ring_sentence(keys: KeyRing) -> str:
    number = len(keys.fingerprints)
    return f"{SETTING} holds {'only ' if number == 1 else ''}{', '.join(keys.fingerprints)}."


@cache
def warn_once(sentence: str) -> None:
    """A server looks several times while it starts."""
    log.warning("%s", sentence)
