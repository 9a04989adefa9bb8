"""Keeps the log readable, and the disk free, when one thing goes wrong thousands of times; and secrets out of it."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar

MOST, PERIOD = 20, 10.0  # messages of one place in so many seconds
MOST_PLACES = 1_000

LINK = re.compile(r"(/(?:join|password)/)[^/\s'\"]+")

# Of a task that knows secrets: puts masks for them into a text.
mask_secrets: ContextVar[Callable[[str], str] | None] = ContextVar("mask_secrets", default=None)


class SecretFilter(logging.Filter):
    """Masks what a task that knows secrets logs, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        if mask := mask_secrets.get():
            record.msg, record.args = mask(record.getMessage()), ()
            if record.exc_info and record.exc_info[0]:
                record.exc_text = mask(record.exc_text or logging.Formatter().formatException(record.exc_info))
        return True


class LinkFilter(logging.Filter):
    """Cuts the secret out of the address of an invitation or a password link, whoever logs an address."""

    def filter(self, record: logging.LogRecord) -> bool:
        if LINK.search(said := record.getMessage()):
            record.msg, record.args = LINK.sub(r"\1…", said), ()
        if record.exc_info and record.exc_info[0]:
            traceback = record.exc_text or logging.Formatter().formatException(record.exc_info)
            record.exc_text = LINK.sub(r"\1…", traceback)
        return True


class RepeatFilter(logging.Filter):
    """Lets each place of the code say a thing so many times in a period; then it says how often it was silent.

    A place is the line that logs, with the kind of the exception: what it says may differ each time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[tuple[object, ...], tuple[float, int]] = {}  # when its period began, messages in it

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if record.exc_info else None
        place = (record.name, record.pathname, record.lineno, kind)
        began, count = self._places.get(place, (0.0, 0))
        now = time.monotonic()
        if now - began >= PERIOD or place not in self._places:
            if count > MOST:
                record.msg, record.args = f"{record.getMessage()} ({count - MOST} more like it were left out)", ()
            if len(self._places) >= MOST_PLACES:
                self._places.clear()
            self._places[place] = (now, 1)
            return True
        self._places[place] = (began, count + 1)
        return count < MOST
