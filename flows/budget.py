"""What one evaluation may spend: size and time. Everything that makes a value asks here first."""

from __future__ import annotations

import threading
from time import thread_time

LARGEST = 5_000_000  # characters of one value or of the whole output
TOTAL = 32_000_000  # characters of everything that one evaluation makes on its way
PART = 16  # what a part of a list or object counts, beside what it holds
SECONDS = 1.0  # of processor time, so that a busy machine fails no template


class TooLarge(ValueError):
    def __init__(self) -> None:
        super().__init__(f"The result would be larger than {LARGEST:,} characters.")


class TooSlow(ValueError):
    def __init__(self) -> None:
        super().__init__("The template takes too long. Shorten its loops.")


class Budget(threading.local):
    """Of the evaluation that this thread is in."""

    spent = written = 0
    ends = float("inf")

    def begin(self) -> None:
        self.spent = self.written = 0
        self.ends = thread_time() + SECONDS

    def tick(self) -> None:
        if thread_time() > self.ends:
            raise TooSlow

    def spend(self, size: int) -> None:
        self.spent += size
        if size > LARGEST or self.spent > TOTAL:
            raise TooLarge
        self.tick()

    def write(self, size: int) -> None:
        self.written += size
        if self.written > LARGEST:
            raise TooLarge
        self.tick()


budget = Budget()
