"""A value that must not be seen: masked wherever it is shown, revealed only on purpose."""

from __future__ import annotations

import hashlib
import hmac
from typing import NoReturn

MASK = "••••"


class Secret:
    """Wraps a text. Only `reveal()` gives it out; str, repr and format are masked, JSON and pickle refuse it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def fingerprint(self) -> str:
        """Four hex digits that tell two keys apart without telling anything about either."""
        return hashlib.sha256(b"foundryflow:" + self._value.encode()).hexdigest()[:4]

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
