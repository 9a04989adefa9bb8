"""How long a database that is away is waited for: seconds by whoever looks at a page, as long as it takes by a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import connection

from foundryflow.database.absence_log import note_away
from foundryflow.database.errors import MAY_BE_AWAY, is_away

Result = TypeVar("Result")

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds between two tries
COMMAND = 60.0  # seconds that a command waits
RETRY_AFTER = 5  # seconds after which whoever was refused may try again


def retry_while_away(attempt: Callable[[], Result], patience: float = COMMAND) -> Result:
    """Tries again while the database is away. What is attempted must not depend on a former try."""
    until, pause = time.monotonic() + patience, FIRST_PAUSE
    while True:
        try:
            return attempt()
        except MAY_BE_AWAY as error:
            if connection.in_atomic_block or not is_away(error) or time.monotonic() + pause > until:
                raise
            note_away(error)
            connection.close()  # the next try gets another one
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
