"""What the log says of a database that is away: a line, however many wait for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from foundryflow.database.errors import driver_message, is_away, is_damaged, sentence_for_operators
from foundryflow.throttle import Throttle

log = logging.getLogger(__name__)


note_throttle = Throttle(1.0)


def note_away(error: BaseException, path: str = "") -> None:
    """One line in the log, however many wait: a database that is away for an hour must not fill the disk."""
    if note_throttle():
        if is_damaged(error):
            log.error("action=database_damaged message=%s", sentence_for_operators(error))
            return
        told = driver_message(error.__cause__ or error)
        at = f" path={path}" if path else ""
        log.warning("action=database_away error=%s%s message=%s", type(error).__name__, at, told)


class WithoutTraceback(logging.Filter):
    """A database that is away takes one line of the log, whoever notices it."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and (away := next(filter(is_absence, causes_of(error)), None)):
            record.msg, record.args = f"{record.getMessage()} ({type(away).__name__}: {driver_message(away)})", ()
            record.exc_info = record.exc_text = None
        return True


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_absence(error: BaseException) -> bool:
    """The same as `is_away`, also for errors of psycopg itself."""
    if is_away(error):
        return True
    of_psycopg = type(error).__module__.partition(".")[0] in ("psycopg", "psycopg_pool")
    return of_psycopg and any(each.__name__ in ("OperationalError", "InterfaceError") for each in type(error).__mro__)
