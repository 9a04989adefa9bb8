"""Tells browsers that something happened. The database holds what happened; only streaming text lives here."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Subscription:
    """One watcher of one run."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self.ended = False  # the run has

    def notify(self) -> None:
        self._changed.set()

    async def changed(self, timeout: float) -> bool:  # noqa: ASYNC109 - a pause of the stream, not a limit on work
        """Waits until something happened since the last call, at most `timeout` seconds; false when nothing did."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout)
        except TimeoutError:
            return False
        self._changed.clear()
        return True


class Hub:
    """Watchers and streaming text by run. Lives on one event loop."""

    def __init__(self) -> None:
        self._watchers: dict[int, set[Subscription]] = defaultdict(set)
        self._text: dict[int, dict[str, list[str]]] = {}
        self.closing = False

    @contextmanager
    def subscribe(self, run_id: int) -> Iterator[Subscription]:
        subscription = Subscription()
        self._watchers[run_id].add(subscription)
        try:
            yield subscription
        finally:
            self._watchers[run_id].discard(subscription)
            if not self._watchers[run_id]:
                del self._watchers[run_id]

    def changed(self, run_id: int) -> None:
        for watcher in self._watchers.get(run_id, ()):
            watcher.notify()

    def ended(self, run_id: int) -> None:
        for watcher in self._watchers.get(run_id, ()):
            watcher.ended = True
            watcher.notify()

    def append(self, run_id: int, path: str, text: str) -> None:
        self._text.setdefault(run_id, {}).setdefault(path, []).append(text)
        self.changed(run_id)

    def text(self, run_id: int) -> dict[str, str]:
        """What running actions have streamed so far, by path."""
        return {path: "".join(pieces) for path, pieces in self._text.get(run_id, {}).items()}

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
