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
from flows.models import ActionRun, LogEntry, sql
from foundryflow.database.jobs import patience
from foundryflow.database.waiting import COMMAND

KEEP_ALIVE = 15.0  # seconds
RunNews = tuple[list[tuple[int, str, dict[str, Any]]], int, bool]
PACE = 0.02  # seconds that text gathers once some was sent; the first piece never waits


async def stream_events(run_id: int, after: int) -> AsyncGenerator[bytes]:
    """From the event behind `after` until the run has ended. Event ids are numbers of records: Last-Event-ID."""
    patience.set(COMMAND)  # of this request: whoever follows a run has more of it than who asks
    texts: dict[str, int] = {}
    yield encode_event("run", {"id": run_id, "url": f"{settings.PREFIX}/api/runs/{run_id}"})
    with hub.subscribe(run_id) as subscription:
        # Read beside the text, which does not wait for the database.
        reading: asyncio.Task[RunNews] | None = None
        try:
            while True:
                spoke = False
                for path, text in hub.texts_of(run_id).items():
                    if new := text[texts.get(path, 0) :]:
                        texts[path], spoke = len(text), True
                        yield encode_event("text", {"path": path, "text": new})
                if reading is not None and reading.done():
                    news, after, ended = await reading
                    reading = None
                    for number, name, data in news:
                        yield encode_event(name, data, number)
                    if ended:
                        whole = await engine.run_shared_job(serialize.read_runs, serialize.RunQuery(run_id))
                        yield encode_event("end", whole, after)
                        return
                if reading is None and subscription.take_news():
                    reading = asyncio.create_task(read_news(run_id, after))
                    reading.add_done_callback(lambda _: subscription.notify(recorded=False))
                if hub.closing:
                    return
                if spoke:
                    await asyncio.sleep(PACE)
                if not await subscription.wait_for_change(KEEP_ALIVE):
                    yield b": still there\n\n"
                    subscription.notify()  # another process may have recorded something unheard
        finally:
            if reading is not None:
                reading.cancel()


async def read_news(run_id: int, after: int) -> RunNews:
    return await engine.run_shared_job(news_since, serialize.RunQuery(run_id, after))


def news_since(queries: Sequence[serialize.RunQuery]) -> list[RunNews]:
    """For each: what was recorded behind an event, with its number; the newest event; whether the run has ended."""
    ids = list({each.run for each in queries})
    newest = sql.newest_events(ids)
    news = [each for each in queries if each.run in newest and newest[each.run][0] > each.after]
    actions, lines = map(by_run, sql.records_since([(each.run, each.after) for each in news]))
    return [
        news_of_run(each.after, *newest.get(each.run, (each.after, True)), actions[each.run], lines[each.run])
        for each in queries
    ]


def by_run(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.run_id].append(row)
    return found


def news_of_run(
    after: int, newest: int, ended: bool, actions: Iterable[ActionRun], lines: Iterable[LogEntry]
) -> RunNews:
    # Not beyond the newest event: another process may be recording, and it would come twice.
    news = [
        (each.event, "action", serialize.serialize_action(each)) for each in actions if after < each.event <= newest
    ]
    news += [(each.event, "log", serialize.serialize_log_entry(each)) for each in lines if after < each.event <= newest]
    return sorted(news, key=lambda each: each[0]), newest, ended


def encode_event(name: str, data: Any, number: int = 0) -> bytes:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode(errors="replace")
