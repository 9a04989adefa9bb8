"""What one evaluation may spend: size and time. Everything that makes a value asks here first."""

from __future__ import annotations

import threading
from time import thread_time

LARGEST = 5_000_000  # characters of one value or of the whole output
TOTAL = 32_000_000  # characters of everything that one evaluation makes on its way
PART = 16  # what a part of a list or object counts, beside what it holds
SECONDS = 1.0  # of processor time, so that a busy machine fails no template

# What an evaluation may spend where others wait meanwhile. With conversions it stays under ten milliseconds.
BRIEF_SECONDS = 0.005
BRIEF_TOTAL = 400_000  # of what it makes on its way
BRIEF_TEXT = 100_000  # characters that one filter or operator works on
NEVER = float("inf")


class TooLarge(ValueError):
    def __init__(self) -> None:
        super().__init__(f"The result would be larger than {LARGEST:,} characters.")


class TooSlow(ValueError):
    def __init__(self) -> None:
        super().__init__("The template takes too long. Shorten its loops.")


class Unfinished(Exception):
    """It takes more than may be spent here; nothing is said of the template."""


class EvaluationBudget(threading.local):
    """Of the evaluation that this thread is in."""

    brief = False
    spent = written = 0
    ends = NEVER

    def begin(self, *, brief: bool = False) -> None:
        self.brief = brief
        self.spent = self.written = 0
        self.ends = thread_time() + (BRIEF_SECONDS if brief else SECONDS)

    def end(self) -> None:
        self.brief, self.ends = False, NEVER

    def tick(self) -> None:
        if thread_time() > self.ends:
            raise Unfinished if self.brief else TooSlow

    def work_on(self, size: int) -> None:
        """Before an operation on a text of this size, which nothing can interrupt."""
        if self.brief and size > BRIEF_TEXT:
            raise Unfinished

    def refuse(self, size: int) -> None:
        """Raises when a value of this size is too much."""
        if size > (BRIEF_TOTAL if self.brief else LARGEST):
            raise Unfinished if self.brief else TooLarge

    def spend(self, size: int) -> None:
        self.refuse(size)
        self.spent += size
        if self.spent > (BRIEF_TOTAL if self.brief else TOTAL):
            raise Unfinished if self.brief else TooLarge
        self.tick()

    def write(self, size: int) -> None:
        self.written += size
        if self.written > LARGEST:
            raise TooLarge
        self.tick()


budget = EvaluationBudget()
