"""The notice that queued runs have no worker."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from flows import engine
from flows.models import Run, State


@dataclass(frozen=True)
class WorkersNotice:
    """What the notice shows; without one it is empty, and looks again while runs are queued."""

    missing: bool


def workers_notice() -> WorkersNotice | None:
    """None when nothing waits, or on SQLite, where the server is the worker."""
    if not settings.POSTGRESQL or not Run.objects.filter(state=State.QUEUED, parent=None).exists():
        return None
    return WorkersNotice(engine.lacks_workers())
