"""The notice that queued runs have no worker."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from flows.engine.claims import lost_runs
from flows.engine.queue_state import queued_runs, waiting_state
from foundryflow.system.notes import SystemNote, engine_note, is_engine_answering
from foundryflow.system.processes import known_processes


@dataclass(frozen=True)
class WorkersNotice:
    """What the notice says; without a note it is empty, and looks again while runs are queued."""

    note: SystemNote | None


def workers_notice() -> WorkersNotice | None:
    """None when nothing waits, or on SQLite, where the server is the worker."""
    if not settings.POSTGRESQL or not (queued_runs().exists() or lost_runs().exists()):
        return None
    processes = known_processes()
    # Every open list asks: what waits is counted only when it is told.
    return WorkersNotice(None if is_engine_answering(processes) else engine_note(processes, waiting_state()))
