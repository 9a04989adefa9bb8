"""How many secrets need which encryption key. Opening them all takes long where there are many, so that it is done bit
by bit, by whoever asks, and what was found last is told meanwhile."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field

from foundryflow.encryption.columns import encrypted_values
from foundryflow.encryption.keys import KeyRing, closed_canaries, key_ring
from foundryflow.models import KeyCanary

BUDGET = 0.3  # seconds that one question may take
FRESH = 30.0  # seconds that a count is told again, and ten times as long as it took


@dataclass(frozen=True)
class KeyCounts:
    """Secrets by the fingerprint of the key that opens them."""

    by_key: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0

    @property
    def total(self) -> int:
        return self.by_key.total() + self.unreadable


@dataclass(frozen=True)
class KeyState:
    """The ring, and what is known of the secrets; `counts` is None until they have been read once."""

    fingerprints: list[str]
    missing: list[str]  # fingerprints of keys that some secrets were sealed with and nobody has
    counts: KeyCounts | None

    @property
    def behind(self) -> int:
        """Secrets that need another key than the first."""
        return sum(self.counts.by_key[name] for name in self.fingerprints[1:]) if self.counts else 0

    @property
    def percent(self) -> int | None:
        """How far a rotation is that has not ended; None when nothing is to be done."""
        if not self.counts or not self.behind:
            return None
        readable = self.counts.by_key.total()
        return min(99, round(100 * (readable - self.behind) / readable))


Reading = Generator[None, None, KeyCounts]


class KeyCounter:
    """Reads what is stored encrypted, a bit at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading: Reading | None = None
        self._found: KeyCounts | None = None
        self._ring: list[str] = []
        self._due = 0.0  # time.monotonic()
        self._took = 0.0  # seconds that the reading has taken so far

    def counts(self, keys: KeyRing) -> KeyCounts | None:
        """Goes on reading where it is due, then gives what is known. One thread reads; the others do not wait."""
        if self._lock.acquire(blocking=False):
            try:
                self._go_on(keys)
            finally:
                self._lock.release()
        return self._found

    def _go_on(self, keys: KeyRing) -> None:
        if self._ring != keys.fingerprints:
            self._ring, self._reading, self._found, self._due = keys.fingerprints, None, None, 0.0
        if self._reading is None:
            if time.monotonic() < self._due:
                return
            self._reading, self._took = read_secrets(keys), 0.0
        began = time.monotonic()
        try:
            while time.monotonic() - began < BUDGET:
                next(self._reading)
        except StopIteration as ended:
            self._found, self._reading = ended.value, None
        except BaseException:
            self._reading = None
            raise
        self._took += time.monotonic() - began
        if self._reading is None:
            self._due = time.monotonic() + max(FRESH, 10 * self._took)


def read_secrets(keys: KeyRing) -> Reading:
    """Opens one secret after the other; gives the counts in the end."""
    found, unreadable = Counter[str](), 0
    for value in encrypted_values():
        opened = keys.open(value.sealed)
        if opened is None:
            unreadable += 1
        else:
            found[opened[0]] += 1
        yield
    return KeyCounts(found, unreadable)


counter = KeyCounter()


def key_state() -> KeyState:
    keys = key_ring()
    canaries = KeyCanary.objects.exclude(fingerprint__in=keys.fingerprints).order_by("pk")
    missing = [canary.fingerprint for canary in closed_canaries(keys, canaries)]
    return KeyState(keys.fingerprints, missing, counter.counts(keys))
