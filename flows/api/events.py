"""A run as server-sent events. The database says what happened; only streaming text comes past it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any

from django.conf import settings

from flows import engine
from flows.api import serialize
from flows.engine.live import hub
from flows.models import ActionRun, LogEntry, Run
from flows.models.raw import fetched, marks, table
from foundryflow.database import COMMAND, patience

KEEP_ALIVE = 15.0  # seconds
News = tuple[list[tuple[int, str, dict[str, Any]]], int, bool]
PACE = 0.02  # seconds that text gathers once some was sent; the first piece never waits


async def events(run_id: int, after: int) -> AsyncGenerator[bytes]:
    """From the event behind `after` until the run has ended. Event ids are numbers of records: Last-Event-ID."""
    patience.set(COMMAND)  # of this request: whoever follows a run has more of it than who asks
    texts: dict[str, int] = {}
    yield event("run", {"id": run_id, "url": f"{settings.PREFIX}/api/runs/{run_id}"})
    with hub.subscribe(run_id) as subscription:
        # Read beside the text, which does not wait for the database.
        reading: asyncio.Task[News] | None = None
        try:
            while True:
                spoke = False
                for path, text in hub.text(run_id).items():
                    if new := text[texts.get(path, 0) :]:
                        texts[path], spoke = len(text), True
                        yield event("text", {"path": path, "text": new})
                if reading is not None and reading.done():
                    news, after, ended = await reading
                    reading = None
                    for number, name, data in news:
                        yield event(name, data, number)
                    if ended:
                        whole = await engine.execute_alike(serialize.runs_wanted, serialize.Wanted(run_id))
                        yield event("end", whole, after)
                        return
                if reading is None and subscription.recorded():
                    reading = asyncio.create_task(read(run_id, after))
                    reading.add_done_callback(lambda _: subscription.notify(recorded=False))
                if hub.closing:
                    return
                if spoke:
                    await asyncio.sleep(PACE)
                if not await subscription.changed(KEEP_ALIVE):
                    yield b": still there\n\n"
                    subscription.notify()  # another process may have recorded something unheard
        finally:
            if reading is not None:
                reading.cancel()


async def read(run_id: int, after: int) -> News:
    return await engine.execute_alike(recorded_since, serialize.Wanted(run_id, after))


def recorded_since(wanted: Sequence[serialize.Wanted]) -> list[News]:
    """For each: what was recorded behind an event, with its number; the newest event; whether the run has ended."""
    ids = list({each.run for each in wanted})
    known = f"SELECT id, last_event, ended_at IS NOT NULL FROM {table(Run)} WHERE id IN {marks(ids)}"  # noqa: S608 - names of our own, values are bound
    runs = {run_id: (newest, bool(ended)) for run_id, newest, ended in fetched(known, ids)}
    news = [each for each in wanted if each.run in runs and runs[each.run][0] > each.after]
    behind = " OR ".join(["(run_id = %s AND event > %s)"] * len(news))
    values = [value for each in news for value in (each.run, each.after)]
    actions = by_run(ActionRun.objects.raw(f"{serialize.OF_ACTIONS} WHERE {behind}", values) if news else ())
    lines = by_run(LogEntry.objects.raw(f"SELECT * FROM {table(LogEntry)} WHERE {behind}", values) if news else ())  # noqa: S608 - names of our own, values are bound
    return [
        since(each.after, *runs.get(each.run, (each.after, True)), actions[each.run], lines[each.run])
        for each in wanted
    ]


def by_run(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.run_id].append(row)
    return found


def since(after: int, newest: int, ended: bool, actions: Iterable[ActionRun], lines: Iterable[LogEntry]) -> News:
    # Not beyond the newest event: another process may be recording, and it would come twice.
    news = [(each.event, "action", serialize.action(each)) for each in actions if after < each.event <= newest]
    news += [(each.event, "log", serialize.line(each)) for each in lines if after < each.event <= newest]
    return sorted(news, key=lambda each: each[0]), newest, ended


def event(name: str, data: Any, number: int = 0) -> bytes:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="replace")
