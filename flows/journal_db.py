"""The journal as rows: what people see of a run, masked; an older attempt is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import F

from flows.engine.live import Hub
from flows.engine.writer import Writer
from flows.errors import ActionError
from flows.journal import (
    ActionCancelled,
    ActionFailed,
    ActionFinished,
    ActionSkipped,
    ActionStarted,
    Event,
    LogLine,
    TextDelta,
    Waiting,
)
from flows.models import ActionRun, LogEntry, Run, State
from flows.values import displayed


class StaleAttempt(Exception):
    """Another process has taken the run over; this one may write nothing more."""


class DatabaseJournal:
    """Records of one run in one attempt. Starts, waits and lines are queued; outcomes are awaited."""

    def __init__(self, run: Run, writer: Writer, hub: Hub) -> None:
        self._run, self._writer, self._hub = run, writer, hub
        self._number = run.last_event

    def recall(self, path: str) -> ActionFinished | None:
        return None

    async def record(self, event: Event) -> None:
        match event:
            case TextDelta():
                self._hub.append(self._run.pk, event.path, event.text)
            case ActionStarted():
                self._put(self._start, event)
            case ActionSkipped():
                self._put(self._skip, event)
            case Waiting():
                self._put(self._wait, event)
            case LogLine():
                self._put(self._log, event)
            case ActionFinished():
                await self._end(event, self._finished(event), tokens=event.usage)
            case ActionFailed():
                known = {"error": error_json(event.error), "facts": displayed(event.error.facts)}
                await self._end(event, {"state": State.FAILED, **known, **self._streamed(event.path)})
            case ActionCancelled():
                await self._end(event, {"state": State.CANCELLED, **self._streamed(event.path)})

    def _put(self, write: Any, event: Any) -> None:
        number = self._next()
        self._writer.put(lambda: write(event, number)).add_done_callback(self._written)

    def _written(self, done: Any) -> None:
        # A failure shows itself at the next outcome, which is awaited; here it only must not go unread.
        if not done.cancelled():
            done.exception()
        self._hub.changed(self._run.pk)

    async def _end(self, event: Any, fields: Mapping[str, Any], tokens: Mapping[str, Any] | None = None) -> None:
        number = self._next()

        def write() -> None:
            self._advance(number, tokens)
            ActionRun.objects.filter(run_id=self._run.pk, path=event.path).update(
                event=number, ended_at=moment(event.at), reason="", waits_until=None, **fields
            )

        await self._writer.do(write)
        self._hub.forget(self._run.pk, event.path)
        self._hub.changed(self._run.pk)

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _advance(self, number: int, tokens: Mapping[str, Any] | None = None) -> None:
        spent = tokens or {}
        mine = Run.objects.filter(pk=self._run.pk, attempt=self._run.attempt).update(
            last_event=number,
            state=State.RUNNING,
            prompt_tokens=F("prompt_tokens") + (spent.get("prompt_tokens") or 0),
            completion_tokens=F("completion_tokens") + (spent.get("completion_tokens") or 0),
        )
        if not mine:
            raise StaleAttempt(f"Run {self._run.pk} was taken over.")

    def _start(self, event: ActionStarted, number: int) -> None:
        self._advance(number)
        ActionRun.objects.create(
            run_id=self._run.pk,
            **identity(event),
            state=State.RUNNING,
            event=number,
            order=number,
            started_at=moment(event.at),
            inputs=displayed(event.inputs),
        )

    def _skip(self, event: ActionSkipped, number: int) -> None:
        self._advance(number)
        ActionRun.objects.create(
            run_id=self._run.pk,
            **identity(event),
            state=State.SKIPPED,
            event=number,
            order=number,
            reason=event.reason,
        )

    def _wait(self, event: Waiting, number: int) -> None:
        self._advance(number)
        Run.objects.filter(pk=self._run.pk).update(state=State.WAITING)
        ActionRun.objects.filter(run_id=self._run.pk, path=event.path).update(
            state=State.WAITING, event=number, reason=event.reason[:500], waits_until=moment(event.until)
        )

    def _log(self, event: LogLine, number: int) -> None:
        self._advance(number)
        LogEntry.objects.create(
            run_id=self._run.pk,
            event=number,
            at=moment(event.at),
            path=event.path,
            level=event.level,
            message=event.message,
        )

    def _finished(self, event: ActionFinished) -> dict[str, Any]:
        return {
            "state": State.SUCCEEDED,
            "output": displayed(event.output),
            "variables": displayed(event.variables),
            "facts": displayed(event.facts),
            "usage": displayed(event.usage),
            "warning": (event.warning or "")[:500],
        }

    def _streamed(self, path: str) -> dict[str, str]:
        return {"text": self._hub.text(self._run.pk).get(path, "")}


def identity(event: ActionStarted | ActionSkipped) -> dict[str, str]:
    return {
        "path": event.path[:500],
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
        "message": error.message,
        "hint": error.hint,
        "status": error.status,
        "request_id": error.request_id,
        "raw": error.raw[:20_000],
    }
