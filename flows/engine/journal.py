"""The journal of the interpreter in the database: turns its events into rows for people and checkpoints to go on from.

An older attempt is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connections.foundry.masking import MaskingWindow
from flows.actions.refused_try import RefusedTry
from flows.engine.call_counts import CountedCall, deployment_of
from flows.engine.earlier_attempts import EarlierAttempts
from flows.engine.gate import ActionGate
from flows.engine.iterations import IterationRecords
from flows.engine.live import Hub
from flows.engine.outbox import Outbox
from flows.engine.records import LONGEST_PATH, moment
from flows.engine.writer import DatabaseWriter
from flows.interpreter.checkpoint import PackedOutcome, pack_outcome
from flows.interpreter.journal import (
    ActionCancelled,
    ActionEnd,
    ActionFailed,
    ActionFinished,
    ActionLogged,
    ActionNoted,
    ActionReported,
    ActionResumed,
    ActionSkipped,
    ActionStarted,
    ActionStreamed,
    ActionWaiting,
    Event,
    IterationEnded,
    IterationStarted,
)
from flows.interpreter.known_secrets import KnownSecrets
from flows.interpreter.suspicion import places_of
from flows.language.errors import ActionError
from flows.language.rendering import off_loop_if_heavy
from flows.language.values import display_json, secrets_in, storable_text
from flows.models import LogEntry, Run, State
from flows.models.raw_sql import Fields

MOST_REFUSED = 50  # tries of an action that are kept, the newest
LONGEST_MESSAGE = 2_000  # characters of one


class DatabaseJournal:
    """Records of one run in one attempt. An outcome is awaited by the next start, or by the end of the run."""

    def __init__(self, run: Run, writer: DatabaseWriter, hub: Hub) -> None:
        self._run, self._hub = run, hub
        self.gate = ActionGate(places_of(run.crashes, run.crash_path))
        self.secrets = KnownSecrets()
        self._outbox = Outbox(run, writer, hub, self.gate, self.secrets)
        self._iterations = IterationRecords(self._outbox)
        self._earlier = EarlierAttempts()
        self._containers: set[str] = set()  # that are going
        self._windows: dict[str, MaskingWindow] = {}  # of actions that stream
        self._is_silent = False

    def remember(self, earlier: EarlierAttempts) -> None:
        """Goes on behind what earlier attempts left; before anything is recorded."""
        self._earlier = earlier
        self._outbox.keeps_secrets = earlier.hold_secrets

    def hand_over(self) -> None:
        """From now on nothing is recorded: a cancellation is not the end of the run."""
        self._is_silent = True

    async def admit(self, path: str) -> None:
        await self.gate.admit(path)

    def recall(self, path: str) -> ActionEnd | None:
        ended = self._earlier.recall(path)
        if isinstance(ended, ActionFinished):
            values = [ended.output, ended.variables, [declared.value for declared in ended.declared]]
            # The process before may have died in front of its search.
            self.secrets.learn(secrets_in(values), path, from_text=True)
        return ended

    def recall_note(self, path: str) -> Any:
        return self._earlier.recall_note(path)

    async def end(self, state: str, output: Any = None, error: Fields | None = None) -> None:
        """Ends the run with everything it still has to say. Raises StaleAttempt."""
        await self._outbox.end(state, output, error)

    async def record(self, event: Event) -> None:
        if self._is_silent:
            return
        match event:
            case ActionStreamed():
                self._record_text(event)
            case ActionStarted():
                await self._record_start(event)
            case ActionSkipped():
                self._record_skip(event)
            case ActionWaiting():
                self._record_wait(event)
            case ActionResumed():
                self._record_resumption(event.path)
            case ActionReported():
                self._record_facts(event)
            case ActionLogged():
                self._record_line(event)
            case ActionNoted():
                await self._record_note(event)
            case ActionFinished():
                await self._record_success(event)
            case ActionFailed():
                self._record_failure(event)
            case IterationStarted():
                await self._iterations.start(event, self._earlier)
            case IterationEnded():
                self._iterations.end(event)
            case ActionCancelled():
                self._record_end(event, {"state": State.CANCELLED, **self._streamed_text(event.path)})

    def _record_text(self, event: ActionStreamed) -> None:
        """Text is not stored before the action ends; but who streams does not wait any more."""
        window = self._windows.get(event.path)
        if window is None:
            window = self._windows[event.path] = self.secrets.window(event.path)
        if text := window.feed(event.text):
            self._hub.publish_text(self._run.pk, event.path, text)
        self._record_resumption(event.path)

    def _record_resumption(self, path: str) -> None:
        if self.gate.resume(path):
            number = self._outbox.next_number()
            resumed = {"state": State.RUNNING, "reason": "", "waits_until": None, "event": number}
            self._outbox.records.change(path, resumed)
            self._outbox.send()

    async def _record_start(self, event: ActionStarted) -> None:
        if event.container:
            self._containers.add(event.path)
        inputs = await off_loop_if_heavy(display_json, event.inputs)
        number = self._outbox.next_number()
        fields = {"state": State.RUNNING, "event": number, "reason": "", "waits_until": None, "inputs": inputs}
        if event.path in self._earlier.rows:
            # Walked or tried again: when it began, and where it stands, is known.
            self._outbox.records.change(event.path, fields)
        else:
            self._create(event, {**fields, "order": number, "started_at": moment(event.at)})
        self._outbox.send()
        await self._outbox.settle()

    def _record_skip(self, event: ActionSkipped) -> None:
        if event.path in self._earlier.rows:
            return
        number, reason = self._outbox.next_number(), storable_text(event.reason)[:500]
        self._create(event, {"state": State.SKIPPED, "event": number, "order": number, "reason": reason})
        self._outbox.send()

    def _create(self, event: ActionStarted | ActionSkipped, fields: Fields) -> None:
        self._earlier.rows.add(event.path)
        self._outbox.records.created[event.path] = {**action_identity(event), **fields}

    def _record_wait(self, event: ActionWaiting) -> None:
        self.gate.let_wait(event.path)
        reason, until = storable_text(event.reason)[:500], moment(event.until) if event.until else None
        waits: Fields = {"state": State.WAITING, "reason": reason, "waits_until": until}
        if event.refused is not None:
            waits["refused"] = self._refused_tries(event, event.refused)
            self._record_line(refusal_line(event, event.refused))
        self._outbox.records.change(event.path, {**waits, "event": self._outbox.next_number()})
        self._outbox.send()

    def _refused_tries(self, event: ActionWaiting, refused: RefusedTry) -> list[Any]:
        """Those of an action so far, with this one: also those of a process that died meanwhile."""
        before = self._earlier.refused.get(event.path, [])
        message = storable_text(refused.message)[:LONGEST_MESSAGE]
        tries = [*before, replace(refused, message=message).to_json(event.until or refused.at)][-MOST_REFUSED:]
        self._earlier.refused[event.path] = tries
        return tries

    def _record_facts(self, event: ActionReported) -> None:
        fields = {"facts": display_json(event.facts), "event": self._outbox.next_number()}
        self._outbox.records.change(event.path, fields)
        self._outbox.send()

    def _record_line(self, event: ActionLogged) -> None:
        line = LogEntry(
            run_id=self._run.pk,
            event=self._outbox.next_number(),
            at=moment(event.at),
            path=event.path[:LONGEST_PATH],
            level=event.level,
            message=storable_text(event.message),
        )
        self._outbox.records.lines.append(line)
        self._outbox.send()

    async def _record_note(self, event: ActionNoted) -> None:
        packed = pack_outcome(ActionFinished(event.path, 0, output=event.value))
        self.secrets.learn(packed.secrets, event.path)
        self._outbox.add_checkpoint(event.path, packed, note=True)
        self._outbox.send_outcome()
        await self._outbox.settle()

    async def _record_success(self, event: ActionFinished) -> None:
        values = [event.output, event.variables, event.declared]
        fields, packed = await off_loop_if_heavy(fields_and_checkpoint, values, event)
        if packed.secrets:
            self.secrets.learn(packed.secrets, event.path, from_text=True)
        if not self._is_silent:
            self._record_end(event, fields, packed, tokens=event.usage)

    def _record_failure(self, event: ActionFailed) -> None:
        usage = event.error.facts.get("usage")
        known = {"error": error_json(event.error), "facts": display_json(event.error.facts), "usage": usage}
        fields = {"state": State.FAILED, **known, **self._streamed_text(event.path)}
        packed = pack_outcome(event) if event.error.kind != "inside" else None
        self._record_end(event, fields, packed, tokens=usage)

    def _record_end(
        self,
        event: ActionEnd | ActionCancelled,
        fields: Fields,
        packed: PackedOutcome | None = None,
        *,
        tokens: Any = None,
    ) -> None:
        records, is_container = self._outbox.records, event.path in self._containers
        ends = {"event": self._outbox.next_number(), "ended_at": moment(event.at), "reason": "", "waits_until": None}
        spent = tokens if isinstance(tokens, Mapping) else {}
        if is_container:
            fields = {**fields, "usage": self._earlier.inside.take(event.path)}
        else:
            self._add_tokens(event, fields, spent)
        records.change(event.path, {**ends, **fields})
        self._iterations.add_outcome(event.path, fields, spent)
        records.ended.append(event.path)
        self._count_call(event, fields)
        if self.gate.end(event.path, container=is_container):
            records.clears_suspicion = True
        if packed is not None and not is_container:
            self._outbox.add_checkpoint(event.path, packed)
        self._containers.discard(event.path)
        self._windows.pop(event.path, None)
        self._earlier.refused.pop(event.path, None)
        self._outbox.send_outcome()

    def _add_tokens(self, event: ActionEnd | ActionCancelled, fields: Fields, spent: Mapping[str, Any]) -> None:
        """To the containers around and to the run. What a subflow has used is counted by its own run."""
        records = self._outbox.records
        for container, used in self._earlier.inside.add(event.path, spent):
            records.change(container, {"usage": used})
        if "run" in (fields.get("facts") or {}) or isinstance(event, ActionCancelled):
            records.adds_up_subflows = True
        else:
            records.add_tokens(spent)

    def _count_call(self, event: ActionEnd | ActionCancelled, fields: Fields) -> None:
        facts = fields.get("facts") or {}
        if deployment_of(facts):
            usage, error = fields.get("usage") or facts.get("usage"), fields.get("error")
            call = CountedCall(self._run.flow_id, self._run.customer, moment(event.at), facts, usage, error)
            self._outbox.records.calls.append(call)

    def _streamed_text(self, path: str) -> Fields:
        """Without what its window held back: the beginning of a secret, perhaps."""
        return {"text": storable_text(self._hub.texts_of(self._run.pk).get(path, ""))}


def fields_and_checkpoint(values: Any, event: ActionFinished) -> tuple[Fields, PackedOutcome]:
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
        "reason": event.reason,
    }


def refusal_line(event: ActionWaiting, refused: RefusedTry) -> ActionLogged:
    """The line of the log about a try: "429, 1 of 3: the service is busy. Tried again after 2.0 s"."""
    why, seconds = refused.status or refused.kind, max(0.0, (event.until or refused.at) - refused.at)
    said = refused.message.removeprefix(f"{why}: ")
    told = f"{why}, {refused.number} of {refused.most}: {said} Tried again after {seconds:.1f} s."
    return ActionLogged(event.path, "warning", told, refused.at)


def action_identity(event: ActionStarted | ActionSkipped) -> dict[str, str]:
    return {
        "path": event.path[:LONGEST_PATH],
        "action_id": event.action_id[:100],
        "type": event.type[:100],
        "title": event.title[:200],
    }


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
