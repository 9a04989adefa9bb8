"""The processes that execute runs: each has a row, and beats to say that it lives.

Moments are those of the database: the clock of a machine may be wrong, and makes no process look dead to others.
"""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from uuid import UUID, uuid4

from django.db.models import QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from flows.models import Worker

BEAT = 3.0  # seconds between two signs of life
LOST_AFTER = 12.0  # seconds of silence after which a process has lost its runs


def register_worker(kind: str, worker: UUID | None = None) -> UUID:
    """Makes a row for this process, under a number of its own unless it has one, and gives the number."""
    host = socket.gethostname()[:200]
    made = Worker.objects.create(pk=worker or uuid4(), kind=kind, host=host, pid=os.getpid())
    Worker.objects.filter(pk=made.pk).update(started_at=Now(), beat_at=Now())
    return made.pk


def beat(worker: UUID) -> None:
    """Says that the process lives; a row that others have cleared away comes back."""
    if not Worker.objects.filter(pk=worker).update(beat_at=Now()):
        register_worker("returned", worker)


def remove_worker(worker: UUID) -> None:
    Worker.objects.filter(pk=worker).delete()


def ago(seconds: float) -> CombinedExpression:
    """The moment so many seconds ago, by the database."""
    return Now() - timedelta(seconds=seconds)


def silence_limit() -> CombinedExpression:
    """Who has not been heard of since then counts as dead."""
    return ago(LOST_AFTER)


def living_workers() -> QuerySet[Worker]:
    """Processes that execute runs."""
    return Worker.objects.filter(beat_at__gte=silence_limit())


def delete_silent_workers() -> None:
    """Forgets processes that have been silent for an hour."""
    Worker.objects.filter(beat_at__lt=ago(3_600), runs=None).delete()
