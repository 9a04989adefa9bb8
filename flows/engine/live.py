"""The hub of a process: tells whoever watches a run that something happened.

The database holds what happened; only the text that actions are streaming lives here.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

MISSED = "…"  # stands for text that came before this process listened


class Subscription:
    """One watcher of one run, or of several together."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self.ended = False  # the run has
        self._recorded = True

    def notify(self, *, recorded: bool = True) -> None:
        """`recorded` tells that the database has something new, not just that text came."""
        self._recorded = self._recorded or recorded
        self._changed.set()

    def take_news(self) -> bool:
        """Whether the database has something new since the last call."""
        recorded, self._recorded = self._recorded, False
        return recorded

    async def wait_for_change(self, timeout: float) -> bool:  # noqa: ASYNC109 - a pause of the stream, not a limit on work
        """Waits until something happened since the last call, at most `timeout` seconds; false when nothing did."""
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True


@dataclass
class StreamedText:
    """What one action has streamed so far."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0  # characters since its beginning, also those that were missed


class Relay(Protocol):
    """Tells other processes."""

    def send_change(self, run_id: int) -> None: ...

    def send_end(self, run_id: int) -> None: ...

    def send_text(self, run_id: int, path: str, at: int, text: str) -> None: ...


class Hub:
    """Watchers and streaming text by run. Lives on one event loop."""

    def __init__(self) -> None:
        self._watchers: dict[int, set[Subscription]] = defaultdict(set)
        self._text: dict[int, dict[str, StreamedText]] = {}
        self.closing = False
        self.relay: Relay | None = None

    @contextmanager
    def subscribe(self, *run_ids: int) -> Iterator[Subscription]:
        subscription = Subscription()
        for run_id in run_ids:
            self._watchers[run_id].add(subscription)
        try:
            yield subscription
        finally:
            for run_id in run_ids:
                self._watchers[run_id].discard(subscription)
                if not self._watchers[run_id]:
                    del self._watchers[run_id]

    def publish_change(self, run_id: int) -> None:
        """The database has something new of the run."""
        self.wake(run_id)
        if self.relay:
            self.relay.send_change(run_id)

    def publish_end(self, run_id: int) -> None:
        """The run has ended; its streamed text is forgotten."""
        self.wake(run_id, ended=True)
        if self.relay:
            self.relay.send_end(run_id)

    def publish_text(self, run_id: int, path: str, text: str) -> None:
        """A piece of text that an action of this process streams."""
        streamed = self._text.setdefault(run_id, {}).setdefault(path, StreamedText())
        if self.relay:
            self.relay.send_text(run_id, path, streamed.length, text)
        streamed.pieces.append(text)
        streamed.length += len(text)
        self.wake(run_id, recorded=False)

    def wake(self, run_id: int, *, ended: bool = False, recorded: bool = True) -> None:
        """Tells the watchers of this process alone."""
        if ended:
            self._text.pop(run_id, None)
        for watcher in self._watchers.get(run_id, ()):
            watcher.ended = watcher.ended or ended
            watcher.notify(recorded=recorded)

    def wake_all(self) -> None:
        for run_id in list(self._watchers):
            self.wake(run_id)

    def receive_text(self, run_id: int, path: str, at: int, text: str) -> None:
        """A piece that another process streams, with its place in the whole."""
        streamed = self._text.setdefault(run_id, {}).setdefault(path, StreamedText())
        if at > streamed.length:
            streamed.pieces.append(MISSED)
        new = text[max(0, streamed.length - at) :]
        streamed.pieces.append(new)
        streamed.length = max(streamed.length, at + len(text))
        self.wake(run_id, recorded=False)

    def texts_of(self, run_id: int) -> dict[str, str]:
        """What running actions have streamed so far, by path."""
        return {path: "".join(streamed.pieces) for path, streamed in self._text.get(run_id, {}).items()}

    def text_length(self, run_id: int, path: str) -> int:
        """Characters that one action has streamed, which tells whether its text is another one than before."""
        streamed = self._text.get(run_id, {}).get(path)
        return streamed.length if streamed else 0

    def forget(self, run_id: int, path: str | None = None) -> None:
        """Drops streamed text once the record of the action (or run) holds it."""
        if path is None:
            self._text.pop(run_id, None)
        else:
            self._text.get(run_id, {}).pop(path, None)

    def close(self) -> None:
        """Wakes every watcher so that open streams end."""
        self.closing = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.notify()


hub = Hub()
