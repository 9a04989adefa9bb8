"""Regular expressions that people type, searched by RE2 in texts of models: in linear time, known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

LONGEST = 1_000  # characters
MEMORY = 256 * 1024  # bytes of a compiled expression, which bounds its size
MOST_WORK = 100_000_000  # instructions times bytes; RE2 takes 12 ns at worst, and hardly ever more than one


class PatternError(ValueError):
    """The expression cannot be used; the message is a sentence."""


@dataclass(frozen=True)
class Pattern:
    _compiled: Any

    def work(self, text: str) -> int:
        """What a search may take; more than MOST_WORK is not to be tried."""
        return int(self._compiled.programsize) * len(text.encode("utf-8", "replace"))

    def search(self, text: str) -> str | None:
        """The first part of the text that it matches."""
        found = self._compiled.search(text.encode("utf-8", "replace").decode())
        return None if found is None else str(found.group())


@lru_cache(maxsize=256)
def compile_pattern(source: str, *, ignore_case: bool = False) -> Pattern:
    """Raises PatternError."""
    if len(source) > LONGEST:
        raise PatternError(f"The expression is longer than {LONGEST:,} characters. Shorten it.")
    options = re2.Options()
    options.max_mem, options.case_sensitive = MEMORY, not ignore_case
    options.log_errors, options.never_capture = False, True
    try:
        return Pattern(re2.compile(source.encode("utf-8", "replace").decode(), options))
    except re2.error as error:
        raise PatternError(f"The expression cannot be used ({reason_of(error)}).") from None


def reason_of(error: Exception) -> str:
    told = error.args[0].decode("utf-8", "replace") if error.args else ""
    if told.startswith(("invalid perl operator: (?=", "invalid perl operator: (?!", "invalid perl operator: (?<")):
        return "look-around is not available"
    if told.startswith(("invalid repetition size", "pattern too large")):
        return "it repeats too much"
    return str(told)
