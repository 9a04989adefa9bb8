"""Seals everything that is stored with the first key of the ring, while servers and workers go on.

Each value says by which key it opens, so that nothing has to be remembered: a rotation that was killed is begun
again and finds what is left. Nothing is left once a reading of every value has met no former key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from foundryflow.database.waiting import retry_while_away
from foundryflow.encryption.columns import EncryptedValue, NamedRows, encrypted_columns, replace_together
from foundryflow.encryption.keys import KeyRing

READINGS = 4  # the first seals anew, one more proves it; the others are for what was written meanwhile


@dataclass
class KeyReading:
    """What was found when every encrypted value was read once."""

    keys: Counter[str] = field(default_factory=Counter)  # fingerprints, with how many values each opens
    kinds: Counter[str] = field(default_factory=Counter)  # of rows, with how many values
    renewed: int = 0
    former: NamedRows = field(default_factory=NamedRows)  # that were sealed with another key than the first
    unreadable: NamedRows = field(default_factory=NamedRows)

    @property
    def count(self) -> int:
        return self.kinds.total()


Tell = Callable[[KeyReading], None]


def read_everything(keys: KeyRing, tell: Tell, *, renew: bool) -> KeyReading:
    """Opens every encrypted value, and with `renew` seals those of former keys anew. Tells after each batch."""
    reading = KeyReading()
    for column in encrypted_columns():
        for batch in column.batches():
            outdated = [value for value in batch if is_outdated(value, keys, reading)]
            if outdated and renew:
                reading.renewed += retry_while_away(partial(renew_values, outdated, keys))
            tell(reading)
    return reading


def is_outdated(value: EncryptedValue, keys: KeyRing, reading: KeyReading) -> bool:
    """Whether a former key opens the value. Counts it."""
    reading.kinds[value.column.kind] += 1
    opened = keys.open(value.sealed)
    if opened is None:
        reading.unreadable.add(value)
        return False
    name, _ = opened
    reading.keys[name] += 1
    if name != keys.first:
        reading.former.add(value)
    return name != keys.first


def renew_values(values: list[EncryptedValue], keys: KeyRing) -> int:
    def seal(value: EncryptedValue) -> str:
        _, plain = keys.open(value.sealed) or ("", b"")
        return keys.seal(plain) if plain else ""  # what is empty is stored as such

    return replace_together(values, seal)


def rotate(keys: KeyRing, tell: Tell, tell_late: Callable[[NamedRows], None]) -> KeyReading:
    """Seals everything with the first key, until a reading meets no other. That reading, or the last one tried.

    What a later reading still finds has been written meanwhile, by a process that has a former key in front.
    """
    reading = read_everything(keys, tell, renew=True)
    for _ in range(READINGS - 1):
        if not reading.former:
            break
        renewed_before, reading = reading.renewed, read_everything(keys, tell, renew=True)
        reading.renewed += renewed_before
        if reading.former:
            tell_late(reading.former)
    return reading
