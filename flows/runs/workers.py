"""The notice that queued runs have no worker."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from flows.engine.claims import lost_runs
from flows.engine.queue_state import queue_state
from flows.models import Run, State
from foundryflow.system.notes import SystemNote, engine_note, is_engine_answering
from foundryflow.system.processes import known_processes


@dataclass(frozen=True)
class WorkersNotice:
    """What the notice says; without a note it is empty, and looks again while runs are queued."""

    note: SystemNote | None


def workers_notice() -> WorkersNotice | None:
    """None when nothing waits, or on SQLite, where the server is the worker."""
    queued = Run.objects.filter(state=State.QUEUED, parent=None)
    if not settings.POSTGRESQL or not (queued.exists() or lost_runs().exists()):
        return None
    processes = known_processes()
    # Every open list asks: what waits is counted only when it is told.
    return WorkersNotice(None if is_engine_answering(processes) else engine_note(processes, queue_state()))
