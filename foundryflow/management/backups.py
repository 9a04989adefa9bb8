"""What `backup` and `restore` have in common: how far they are, how they are stopped, and sentences for what fails."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management.base import CommandError, OutputWrapper
from django.db import DatabaseError, InterfaceError

from foundryflow.backup.format import BackupError
from foundryflow.database.errors import driver_message, is_expected, sentence_for_operators
from foundryflow.throttle import Throttle

INTERRUPTED = 130  # exit status, as of shells


class Progress:
    """Says at most once a second how far it is."""

    def __init__(self, stream: OutputWrapper, deed: str) -> None:
        self._stream, self._deed, self._due = stream, deed, Throttle(1.0)
        self._due()

    def tell(self, what: str, rows: int, total: int) -> None:
        if self._due():
            self._stream.write(f"  {what}: {rows:,} of {total:,} {self._deed}")
            self._stream.flush()


@contextmanager
def sentences(stopped: str) -> Iterator[None]:
    """Whatever fails is told in a sentence. SIGTERM stops it as Ctrl C does, with `stopped` as what is said of it."""
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except BackupError as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        raise CommandError(stopped, returncode=INTERRUPTED) from None
    except (DatabaseError, InterfaceError) as error:
        told = sentence_for_operators(error) if is_expected(error) else f"The database refused: {driver_message(error)}"
        raise CommandError(told) from error
    except (sqlite3.Error, psycopg.Error) as error:  # of the connections that are not Django's
        raise CommandError(f"The database refused: {driver_message(error)}") from error
    except OSError as error:
        raise CommandError(f"{error.filename or 'The output'}: {error.strerror or error}.") from error
    finally:
        signal.signal(signal.SIGTERM, before)


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
