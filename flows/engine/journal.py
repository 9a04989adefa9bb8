"""The journal as rows: what people see of a run, masked, and what another process needs to go on with it.

What a run has to say gathers until the writer takes it: one update of the run, its new and its changed rows.
An older attempt is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from connections.fields import KeyUnreadable
from connections.secret import Secret
from flows.engine.live import Hub
from flows.engine.records import LONGEST_PATH, RunRecords, write_records
from flows.engine.writer import DatabaseWriter, SharedCall
from flows.interpreter.checkpoint import CheckpointError, pack_outcome, unpack_outcome
from flows.interpreter.checkpoint import PackedOutcome as Packed
from flows.interpreter.journal import (
    ActionCancelled,
    ActionEnd,
    ActionFailed,
    ActionFinished,
    ActionLogged,
    ActionNoted,
    ActionSkipped,
    ActionStarted,
    ActionStreamed,
    ActionWaiting,
    Event,
)
from flows.interpreter.suspicion import is_inside, places_of, remaining_places
from flows.language.errors import ActionError
from flows.language.rendering import off_loop_if_heavy
from flows.language.values import display_json, storable_text
from flows.models import Checkpoint, LogEntry, Run, State
from flows.models.raw import Fields
from foundryflow.database import is_away

log = logging.getLogger(__name__)


@dataclass
class EarlierAttempts:
    """What earlier attempts left: the rows there are, and how leaves ended."""

    rows: list[str] = field(default_factory=list)  # their paths
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    notes: dict[str, Checkpoint] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run) -> EarlierAttempts:
        past = cls(list(run.actions.values_list("path", flat=True)))
        for checkpoint in run.checkpoints.all():
            (past.notes if checkpoint.note else past.checkpoints)[checkpoint.path] = checkpoint
        return past


class DatabaseJournal:
    """Records of one run in one attempt. An outcome is awaited by the next start, or by the end of the run."""

    def __init__(self, run: Run, writer: DatabaseWriter, hub: Hub) -> None:
        self._run, self._writer, self._hub = run, writer, hub
        self._number = run.last_event
        self._past = EarlierAttempts()
        self._rows: set[str] = set()
        self._records = RunRecords(run.pk, run.attempt)
        self._queued: asyncio.Future[Any] | None = None
        self._waiting: set[str] = set()
        self._going: set[str] = set()
        self._containers: set[str] = set()  # among them
        self._held: set[str] = set()
        self._suspected = places_of(run.crashes, run.crash_path)
        self._gate = asyncio.Event()
        self._gate.set()
        self._silent = False
        self._owed: asyncio.Future[Any] | None = None  # done once the newest outcome is durable
        self._keeps_secrets = False

    def remember(self, past: EarlierAttempts) -> None:
        """What earlier attempts left; before anything is recorded."""
        self._past, self._rows = past, set(past.rows)
        self._keeps_secrets = any(checkpoint.sealed for checkpoint in past.checkpoints.values())

    def hold(self) -> None:
        """Lets no further action start."""
        self._gate.clear()

    def let_go(self) -> None:
        """Lets actions start again."""
        self._gate.set()

    async def admit(self, path: str) -> None:
        if not self._gate.is_set():
            self._held.add(path)
            try:
                await self._gate.wait()
            finally:
                self._held.discard(path)
        self._going.add(path)
        self._waiting.discard(path)

    @property
    def held(self) -> bool:
        """Whether an action may not start."""
        return bool(self._held)

    @property
    def waits(self) -> bool:
        """Whether an action waits for its time, for quota, or to be tried again."""
        return bool(self._waiting)

    @property
    def suspected(self) -> bool:
        """Whether something that was going when a process died has not ended since."""
        return bool(self._suspected)

    def is_quiet(self, elsewhere: Collection[str] = ()) -> bool:
        """Whether nothing is being executed: all that is going waits for its time, is held, or goes `elsewhere`."""
        still = {*self._held, *self._waiting, *elsewhere}
        return all(path in still or any(is_inside(each, path) for each in still) for path in self._going)

    def hand_over(self) -> None:
        """From now on nothing is recorded: a cancellation is not the end of the run."""
        self._silent = True

    def recall(self, path: str) -> ActionEnd | None:
        stored = self._past.checkpoints.pop(path, None)
        if stored is None:
            return None
        try:
            return unpack_outcome(path, stored.text)
        except (CheckpointError, KeyUnreadable) as error:
            hint = "Retry the run from an action before, or run it again."
            raise ActionError("checkpoint", f"The run cannot go on: {error}", hint) from None

    def noted(self, path: str) -> Any:
        stored = self._past.notes.get(path)
        if stored is None:
            return None
        finished = unpack_outcome(path, stored.text)
        return finished.output if isinstance(finished, ActionFinished) else None

    async def record(self, event: Event) -> None:
        if self._silent:
            return
        match event:
            case ActionStreamed():
                self._hub.publish_text(self._run.pk, event.path, event.text)
                if event.path in self._waiting:
                    self._record_resumption(event.path)
            case ActionStarted():
                await self._record_start(event)
            case ActionSkipped():
                self._record_skip(event)
            case ActionWaiting():
                self._record_wait(event)
            case ActionLogged():
                self._record_line(event)
            case ActionNoted():
                note = pack_outcome(ActionFinished(event.path, 0, output=event.value))
                self._keep(Checkpoint(path=event.path, note=True), note)
                self._owed = self._queue()
                await self._await_outcomes()
            case ActionFinished():
                fields, packed = await off_loop_if_heavy(
                    fields_and_checkpoint, [event.output, event.variables, event.declared], event
                )
                if not self._silent:
                    self._record_end(event, fields, packed, tokens=event.usage)
            case ActionFailed():
                known = {"error": error_json(event.error), "facts": display_json(event.error.facts)}
                fields = {"state": State.FAILED, **known, **self._streamed_text(event.path)}
                packed = pack_outcome(event) if event.error.kind != "inside" else None
                self._record_end(event, fields, packed, tokens=event.error.facts.get("usage"))
            case ActionCancelled():
                self._record_end(event, {"state": State.CANCELLED, **self._streamed_text(event.path)})

    async def _record_start(self, event: ActionStarted) -> None:
        if event.container:
            self._containers.add(event.path)
        inputs = await off_loop_if_heavy(display_json, event.inputs)
        number = self._next_number()
        fields = {"state": State.RUNNING, "event": number, "reason": "", "waits_until": None}
        if event.path in self._rows:
            # Walked or tried again: when it began, and where it stands, is known.
            self._change(event.path, {**fields, "inputs": inputs})
        else:
            started = {"order": number, "started_at": moment(event.at), "inputs": inputs}
            self._create(event, {**fields, **started})
        self._queue()
        await self._await_outcomes()

    def _record_skip(self, event: ActionSkipped) -> None:
        if event.path in self._rows:
            return
        number = self._next_number()
        self._create(
            event,
            {"state": State.SKIPPED, "event": number, "order": number, "reason": storable_text(event.reason)[:500]},
        )
        self._queue()

    def _record_wait(self, event: ActionWaiting) -> None:
        self._waiting.add(event.path)
        self._records.state = State.WAITING
        waits = {
            "state": State.WAITING,
            "reason": storable_text(event.reason)[:500],
            "waits_until": moment(event.until),
        }
        self._change(event.path, {**waits, "event": self._next_number()})
        self._queue()

    def _record_resumption(self, path: str) -> None:
        self._waiting.discard(path)
        self._change(path, {"state": State.RUNNING, "reason": "", "waits_until": None, "event": self._next_number()})
        self._queue()

    def _record_line(self, event: ActionLogged) -> None:
        line = LogEntry(
            run_id=self._run.pk,
            event=self._next_number(),
            at=moment(event.at),
            path=event.path[:LONGEST_PATH],
            level=event.level,
            message=storable_text(event.message),
        )
        self._records.lines.append(line)
        self._queue()

    def _record_end(
        self,
        event: ActionFinished | ActionFailed | ActionCancelled,
        fields: Fields,
        packed: Packed | None = None,
        *,
        tokens: Any = None,
    ) -> None:
        ends = {"event": self._next_number(), "ended_at": moment(event.at), "reason": "", "waits_until": None}
        self._change(event.path, {**ends, **fields})
        self._waiting.discard(event.path)
        self._going.discard(event.path)
        spent = tokens if isinstance(tokens, Mapping) else {}
        self._records.prompt_tokens += spent.get("prompt_tokens") or 0
        self._records.completion_tokens += spent.get("completion_tokens") or 0
        self._records.ended.append(event.path)
        self._acquit(event.path)
        if packed is not None and event.path not in self._containers:
            self._keep(Checkpoint(path=event.path), packed)
        self._containers.discard(event.path)
        self._owed = self._queue()

    def _acquit(self, path: str) -> None:
        """What ends has not killed its process, and what gets on has not either."""
        if self._suspected:
            self._suspected = remaining_places(self._suspected, path, container=path in self._containers)
            self._records.clears_suspicion = not self._suspected

    def _keep(self, checkpoint: Checkpoint, packed: Packed) -> None:
        checkpoint.run_id, checkpoint.path = self._run.pk, checkpoint.path[:LONGEST_PATH]
        if packed.secret:
            checkpoint.sealed = Secret(packed.text)
            self._keeps_secrets = True
        else:
            checkpoint.plain = packed.text
        self._records.checkpoints.append(checkpoint)

    def _create(self, event: ActionStarted | ActionSkipped, fields: Fields) -> None:
        self._rows.add(event.path)
        self._records.created[event.path] = {**action_identity(event), **fields}

    def _change(self, path: str, fields: Fields) -> None:
        created = self._records.created.get(path)
        if created is not None:
            created.update(fields)
        else:
            self._records.changed.setdefault(path, {}).update(fields)

    def _next_number(self) -> int:
        self._number += 1
        self._records.number = self._number
        return self._number

    def _queue(self) -> asyncio.Future[Any]:
        if self._queued is None:
            self._queued = self._writer.put(self._make_job)
            self._queued.add_done_callback(ignore_failure)
        return self._queued

    async def _await_outcomes(self) -> None:
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

    async def end(self, state: str, output: Any = None, error: Fields | None = None) -> None:
        """Ends the run with everything it still has to say. Raises StaleAttempt."""
        self._records.ending = {"state": state, "output": output, "error": error, "ended_at": timezone.now()}
        self._records.erases_secrets = self._keeps_secrets
        self._next_number()
        await asyncio.shield(self._queue())

    def _make_job(self) -> SharedCall:
        """What has gathered, as a job. Called on the loop when its transaction begins."""
        gathered, self._records, queued, self._queued = self._records, self._records.next(), self._queued, None
        gathered.number = self._number
        if self._waiting:
            gathered.state = State.WAITING
        if queued is not None:
            queued.add_done_callback(lambda _: self._announce(gathered))
        return SharedCall(write_records, gathered)

    def _announce(self, gathered: RunRecords) -> None:
        for path in gathered.ended:
            self._hub.forget(self._run.pk, path)
        self._hub.publish_change(self._run.pk)

    def _streamed_text(self, path: str) -> Fields:
        return {"text": storable_text(self._hub.texts_of(self._run.pk).get(path, ""))}


def ignore_failure(done: asyncio.Future[Any]) -> None:
    # A failure shows itself at the next outcome, which is awaited; here it only must not go unread.
    if not done.cancelled():
        done.exception()


def fields_and_checkpoint(values: Any, event: ActionFinished) -> tuple[Fields, Packed]:
    """What people see of an outcome with these values, and what goes on with it."""
    return success_fields(event), pack_outcome(event)


def success_fields(event: ActionFinished) -> Fields:
    return {
        "state": State.SUCCEEDED,
        "output": display_json(event.output),
        "variables": display_json(event.variables),
        "facts": display_json(event.facts),
        "usage": display_json(event.usage),
        "warning": storable_text(event.warning or "")[:500],
    }


def action_identity(event: ActionStarted | ActionSkipped) -> dict[str, str]:
    return {
        "path": event.path[:LONGEST_PATH],
        "action_id": event.action_id[:100],
        "type": event.type[:100],
        "title": event.title[:200],
    }


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def error_json(error: ActionError) -> dict[str, Any]:
    """What a person needs to understand the failure, with the raw answer bounded and masked by its source."""
    return {
        "kind": error.kind,
        "message": storable_text(error.message),
        "hint": storable_text(error.hint),
        "status": error.status,
        "request_id": storable_text(error.request_id or "") or None,
        "raw": storable_text(error.raw[:20_000]),
    }
