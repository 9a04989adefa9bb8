"""Which iterations of a run are going, and what the records of their actions say of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flows.engine.earlier_attempts import EarlierAttempts
from flows.engine.outbox import Outbox
from flows.engine.records import LONGEST_PATH, moment
from flows.interpreter.journal import IterationEnded, IterationStarted
from flows.language.rendering import off_loop_if_heavy
from flows.language.values import display_json, storable_text
from flows.models import State
from flows.models.iteration import LONGEST_LABEL, NEW, enclosing_places, merge_change
from flows.models.raw_sql import Fields

LABELS = ("customer", "name", "title", "label", "id")  # keys of an object that say what people call it


class IterationRecords:
    """Of one run in one attempt."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._going: dict[str, Fields] = {}  # what identifies each, by its place

    async def start(self, event: IterationStarted, earlier: EarlierAttempts) -> None:
        """Forgets what an earlier attempt had done in it where its item is another one now."""
        items = event.items
        label, digest = await off_loop_if_heavy(label_and_digest, items[event.number]) if items else ("", "")
        before = earlier.iterations.get(event.path)
        if before and before.digest != digest:
            earlier.forget(event.path)
            self._outbox.records.restarted.append(event.path)
            before = None
        self._going[event.path] = {
            "loop": event.loop[:LONGEST_PATH],
            "number": event.number,
            "started_at": before.started_at if before else moment(event.at),
        }
        self._change(event.path, {"total": len(items) if items else None, "label": label, "digest": digest})
        self._outbox.send()

    def end(self, event: IterationEnded) -> None:
        going = self._going.get(event.path)
        if going is None:
            return
        state = State.FAILED if event.failed else State.CANCELLED if event.cancelled else State.SUCCEEDED
        took = (moment(event.at) - going["started_at"]).total_seconds() * 1_000
        self._outbox.next_number()
        self._change(event.path, {"state": state, "milliseconds": max(0, round(took))})
        del self._going[event.path]
        self._outbox.send()

    def add_outcome(self, path: str, fields: Mapping[str, Any], tokens: Mapping[str, Any]) -> None:
        """What the end of an action says of the iterations that it stands in."""
        if not self._going or "]/" not in path:
            return
        change = change_of(path, fields, tokens)
        if change:
            for place in enclosing_places(path):
                if place in self._going:
                    self._change(place, change)

    def _change(self, place: str, change: Mapping[str, Any]) -> None:
        going = self._going[place]
        merge_change(self._outbox.records.iterations.setdefault(place, {**IDENTITY, **NEW, **going}), change)


IDENTITY: Fields = {"loop": "", "number": 0}  # first of its fields


def change_of(path: str, fields: Mapping[str, Any], tokens: Mapping[str, Any]) -> Fields:
    """Empty when it says nothing. A container that failed with something inside says nothing new."""
    facts, error = fields.get("facts") or {}, fields.get("error") or {}
    if error.get("kind") == "inside":
        return {}
    change: Fields = {
        "customer": str(facts.get("customer") or "")[:LONGEST_LABEL],
        "connection": str(facts.get("connection") or "")[:255],
        "host": str(facts.get("host") or "")[:255],
        "path": path[:LONGEST_PATH] if error or facts.get("deployment") else "",
        "output_path": path[:LONGEST_PATH] if fields.get("variables") else "",
        "error": str(error.get("kind") or "unknown")[:40] if error else "",
        "status": error.get("status"),
        "tokens": (tokens.get("prompt_tokens") or 0) + (tokens.get("completion_tokens") or 0),
    }
    return change if any(change.values()) else {}


def label_and_digest(item: Any) -> tuple[str, str]:
    """What people call an item, and a digest of it, which does not change with the secrets in it."""
    shown = display_json(item)
    written = json.dumps(shown, sort_keys=True, ensure_ascii=False)
    called = next((shown[key] for key in LABELS if shown.get(key)), "") if isinstance(shown, dict) else shown
    label = str(called) if isinstance(called, str | int | float) else ""
    return storable_text(label)[:LONGEST_LABEL], hashlib.sha256(written.encode(errors="replace")).hexdigest()
