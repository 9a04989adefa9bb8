"""A run as server-sent events. The database says what happened; only streaming text comes past it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from flows import engine
from flows.api import shown
from flows.engine.live import hub
from flows.models import Run

KEEP_ALIVE = 15.0  # seconds


async def events(run_id: int, after: int) -> AsyncIterator[bytes]:
    """From the event behind `after` until the run has ended. Event ids are numbers of records: Last-Event-ID."""
    texts: dict[str, int] = {}
    yield event("run", {"id": run_id, "url": f"/api/runs/{run_id}"})
    with hub.subscribe(run_id) as subscription:
        while True:
            for path, text in hub.text(run_id).items():
                if new := text[texts.get(path, 0) :]:
                    texts[path] = len(text)
                    yield event("text", {"path": path, "text": new})
            if subscription.recorded():
                news, after, ended = await engine.execute(lambda: since(run_id, after))  # noqa: B023 - awaited here
                for number, name, data in news:
                    yield event(name, data, number)
                if ended:
                    yield event("end", await engine.execute(lambda: shown.run_by_id(run_id)), after)
                    return
            if hub.closing:
                return
            if not await subscription.changed(KEEP_ALIVE):
                yield b": still there\n\n"
                subscription.notify()  # another process may have recorded something unheard


def since(run_id: int, after: int) -> tuple[list[tuple[int, str, dict[str, Any]]], int, bool]:
    """What was recorded behind an event, each with its number; the newest event; whether the run has ended."""
    run = Run.objects.only("last_event", "ended_at").get(pk=run_id)
    if run.last_event <= after:
        return [], after, run.ended_at is not None
    # Not beyond the newest event: another process may be recording, and it would come twice.
    new = {"event__gt": after, "event__lte": run.last_event}
    actions = [(record.event, "action", shown.action(record)) for record in run.actions.filter(**new)]
    lines = [(entry.event, "log", shown.line(entry)) for entry in run.log.filter(**new)]
    news = sorted([*actions, *lines], key=lambda each: each[0])
    return news, run.last_event, run.ended_at is not None


def event(name: str, data: Any, number: int = 0) -> bytes:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
