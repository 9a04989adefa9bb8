"""The outbox of one run: rows that the journal has made gather here until the writer takes them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from connections.secret import Secret
from flows.engine.gate import ActionGate
from flows.engine.live import Hub
from flows.engine.records import LONGEST_PATH, RunRecords, write_records
from flows.engine.writer import DatabaseWriter, SharedCall
from flows.interpreter.checkpoint import PackedOutcome
from flows.interpreter.known_secrets import KnownSecrets
from flows.language.errors import ActionError
from flows.language.files import is_file
from flows.models import Checkpoint, Run, State
from flows.models.raw_sql import Fields
from foundryflow.database.errors import is_away

log = logging.getLogger(__name__)


class Outbox:
    """Of one run in one attempt. Records are numbered in their order; outcomes can be waited for."""

    def __init__(self, run: Run, writer: DatabaseWriter, hub: Hub, gate: ActionGate, secrets: KnownSecrets) -> None:
        self._run, self._writer, self._hub, self._gate = run, writer, hub, gate
        self._number = run.last_event
        self.records = RunRecords(run.pk, run.attempt, secrets)
        self.keeps_secrets = False
        self._queued: asyncio.Future[Any] | None = None
        self._owed: asyncio.Future[Any] | None = None  # done once the newest outcome is durable

    def next_number(self) -> int:
        self._number += 1
        self.records.number = self._number
        return self._number

    def add_checkpoint(self, path: str, packed: PackedOutcome, *, note: bool = False) -> None:
        """Adds a checkpoint, encrypted when it holds a secret."""
        checkpoint = Checkpoint(run_id=self._run.pk, path=path[:LONGEST_PATH], note=note)
        if packed.secrets:
            checkpoint.sealed = Secret(packed.text)
            self.keeps_secrets = True
        else:
            checkpoint.plain = packed.text
        self.records.checkpoints.append(checkpoint)

    def send(self) -> asyncio.Future[Any]:
        """Has the writer take what has gathered, and what gathers until it does. Done once that is stored."""
        if self._queued is None:
            self._queued = self._writer.put(self._make_job)
            self._queued.add_done_callback(ignore_failure)
        return self._queued

    def send_outcome(self) -> None:
        """The same for what `settle` waits for."""
        self._owed = self.send()

    async def settle(self) -> None:
        """Returns once every outcome so far is durable. Raises StaleAttempt, or ActionError when one was refused."""
        owed, self._owed = self._owed, None
        if owed is None:
            return
        try:
            # Shielded: a cancelled run must not take back what it has put in the queue.
            await asyncio.shield(owed)
        except DatabaseError as error:
            if is_away(error):
                raise
            log.exception("action=record_refused run=%s", self._run.pk)
            refused = f"The database refused the record of an action before: {type(error).__name__}."
            raise ActionError("unrecorded", refused, "See the log of the server.") from None

    async def end(self, state: str, output: Any, error: Fields | None) -> None:
        """Ends the run with everything it still has to say. Raises StaleAttempt."""
        self.records.ending = {"state": state, "output": output, "error": error, "ended_at": timezone.now()}
        self.records.erases_secrets = self.keeps_secrets
        self.records.erases_files = any(map(is_file, self._run.inputs.values()))
        # What was stopped with it may have ended since its action did.
        self.records.adds_up_subflows |= state != State.SUCCEEDED
        self.next_number()
        await asyncio.shield(self.send())

    def _make_job(self) -> SharedCall:
        """What has gathered, as a job. Called on the loop when its transaction begins."""
        records, self.records, queued, self._queued = self.records, self.records.next(), self._queued, None
        records.number = self._number
        if self._gate.has_waiting:
            records.state = State.WAITING
        if queued is not None:
            queued.add_done_callback(lambda _: self._announce(records))
        return SharedCall(write_records, records)

    def _announce(self, records: RunRecords) -> None:
        for path in records.ended:
            self._hub.forget(self._run.pk, path)
        self._hub.publish_change(self._run.pk)


def ignore_failure(done: asyncio.Future[Any]) -> None:
    # A failure shows itself at the next outcome, which is awaited; here it only must not go unread.
    if not done.cancelled():
        done.exception()
