"""LISTEN and NOTIFY of PostgreSQL: what happens to runs in one process reaches the browsers of every other.

A notice only says that something is new, or carries a piece of streaming text; the database holds what happened.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import psycopg
from django.db import connection

from flows.engine.live import Hub

log = logging.getLogger(__name__)

CHANNEL = "foundryflow"
# Seconds that notices gather after a round trip; whoever comes alone hardly waits.
EACH, TOGETHER = 0.004, 0.03  # for each that it carried, and at most
READ = 0.01  # at most, when somebody may be reading the text
LONGEST = 7_000  # bytes of one notice; PostgreSQL takes 8,000
MOST_PIECES = 10_000  # of text that wait to be sent; more are dropped, the record has them in the end
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds before another try to connect


async def connect() -> psycopg.AsyncConnection[Any]:
    """A connection of its own to the database of the installation, with autocommit."""
    parameters = {
        name: value
        for name, value in connection.get_connection_params().items()
        if name not in ("cursor_factory", "context", "prepare_threshold")
    }
    return await psycopg.AsyncConnection.connect(**parameters, autocommit=True)


async def listen(hub: Hub) -> None:
    """Hands on what other processes say, until it is cancelled. Connects again when the database was away."""
    pause = FIRST_PAUSE
    while True:
        try:
            async with await connect() as line:
                await line.execute(f"LISTEN {CHANNEL}")
                pause = FIRST_PAUSE
                # Whatever was said meanwhile stands in the database.
                hub.wake_all()
                async for notice in line.notifies():
                    forward(hub, notice.payload)
        except (psycopg.Error, OSError) as error:
            log.warning("action=listener_lost error=%s", type(error).__name__)
        except Exception:
            log.exception("action=listener_failed")  # a web process without it would show nothing as it happens
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def forward(hub: Hub, payload: str) -> None:
    try:
        said = json.loads(payload)
        if "text" in said:
            hub.receive_text(said["run"], said["path"], said["at"], said["text"])
        else:
            hub.wake(said["run"], ended=bool(said.get("ended")))
    except (ValueError, KeyError, TypeError):
        log.warning("action=notice_malformed")


class Announcer:
    """The other side: gathers what this process has to say and sends it in one round trip. Never holds up a run."""

    def __init__(self) -> None:
        self._changed: dict[int, bool] = {}  # run -> whether it has ended
        self._pieces: list[tuple[int, str, int, str]] = []
        self._unsent: list[str] = []  # payloads that a lost connection may not have carried
        self._wanted = asyncio.Event()

    def send_change(self, run_id: int) -> None:
        self._changed.setdefault(run_id, False)
        self._wanted.set()

    def send_end(self, run_id: int) -> None:
        self._changed[run_id] = True
        self._wanted.set()

    def send_text(self, run_id: int, path: str, at: int, text: str) -> None:
        if len(self._pieces) < MOST_PIECES:
            self._pieces.append((run_id, path, at, text))
            self._wanted.set()

    async def send(self) -> None:
        """Until it is cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with await connect() as line:
                    pause = FIRST_PAUSE
                    await self._send_over(line)
            except (psycopg.Error, OSError) as error:
                log.warning("action=announcer_lost error=%s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _send_over(self, line: psycopg.AsyncConnection[Any]) -> None:
        while True:
            if not self._unsent:
                await self._wanted.wait()
            self._wanted.clear()
            longest = READ if self._pieces else TOGETHER
            self._unsent += self._payloads()
            await line.execute("SELECT pg_notify(%s, said) FROM unnest(%s::text[]) said", (CHANNEL, self._unsent))
            said, self._unsent = len(self._unsent), []
            await asyncio.sleep(min(longest, EACH * said))

    def _payloads(self) -> Iterator[str]:
        pieces, self._pieces = self._pieces, []
        changed, self._changed = self._changed, {}
        for run_id, path, at, text in merge_pieces(pieces):
            yield from split_text(run_id, path, at, text)
        for run_id, ended in changed.items():
            yield json.dumps({"run": run_id, "ended": True} if ended else {"run": run_id})


def merge_pieces(pieces: list[tuple[int, str, int, str]]) -> list[tuple[int, str, int, str]]:
    """Pieces that follow each other as one."""
    whole: dict[tuple[int, str], tuple[int, list[str]]] = {}
    for run_id, path, at, text in pieces:
        whole.setdefault((run_id, path), (at, []))[1].append(text)
    return [(run_id, path, at, "".join(texts)) for (run_id, path), (at, texts) in whole.items()]


def split_text(run_id: int, path: str, at: int, text: str) -> Iterator[str]:
    """One piece of text as payloads that fit."""
    while text:
        size = len(text)
        while len(payload := json.dumps({"run": run_id, "path": path, "at": at, "text": text[:size]})) > LONGEST:
            size = max(1, size * LONGEST // len(payload) - 10)
        yield payload
        at, text = at + size, text[size:]
