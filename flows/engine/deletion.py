"""Deletes runs bit by bit: those that outlived the retention, and those of removed flows, in the end with the flow.
Entries of the audit log that are too old go the same way, and files of runs that ended without taking them along.

A bit is one short transaction, so that nobody waits for a deletion, however large it is.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from flows.engine.writer import DatabaseWriter
from flows.models import Flow, Room, Run, RunFile
from foundryflow import retention
from foundryflow.audit.retention import erase_expired_entries, record_erasure

log = logging.getLogger(__name__)

MOST_RUNS, MOST_EVENTS = 200, 4_000  # of one bit; an event has left about one row
LOOK = 3.0  # seconds between two looks for something to delete


async def delete_forever(writer: DatabaseWriter) -> None:
    """Until it is cancelled. At least half of the writer's time is for others."""
    while True:
        began = time.monotonic()
        try:
            more = await writer.do(delete_bit)
        except Exception:
            log.exception("action=deletion_failed")
            more = False
        await asyncio.sleep(time.monotonic() - began if more else LOOK)


def delete_all() -> None:
    """Deletes everything that is to go, for who waits for it."""
    while delete_bit():
        pass


@transaction.atomic
def delete_bit() -> bool:
    """Deletes some of what is to go; whether there may be more. What another process deletes is left to it."""
    flow = Flow.objects.filter(room=Room.DELETED).order_by("pk").select_for_update(skip_locked=True).first()
    if flow is not None:
        if not delete_some(flow.runs.order_by("pk")):
            flow.delete_with_revisions()
        return True
    if deleted := delete_some(expired_runs().select_for_update(skip_locked=True)):
        record_erasure(deleted, "runs", retention.RUNS.days_in_effect())
    return bool(deleted) or RunFile.objects.erase_left_over() or erase_expired_entries()


def expired_runs() -> QuerySet[Run]:
    """Runs that have outlived the retention. What they started goes with them."""
    moment = retention.RUNS.erases_before()
    return runs_ended_before(moment) if moment else Run.objects.none()


def runs_ended_before(old: datetime) -> QuerySet[Run]:
    # By the time they began, for which there is an index: nothing ends before it has begun.
    return Run.objects.filter(created_at__lt=old, ended_at__lt=old, parent=None).order_by("created_at", "pk")


def delete_some(runs: QuerySet[Run]) -> int:
    """Deletes the first of these runs, or first of all those that they started; how many, 0 when there is none."""
    found = dict(runs.values_list("pk", "last_event")[:MOST_RUNS])
    started = found
    while started:
        found = started
        started = dict(Run.objects.filter(parent__in=found).values_list("pk", "last_event")[:MOST_RUNS])
    # Only their keys are read: inputs and outputs may be large.
    chosen = few_enough(found)
    Run.objects.filter(pk__in=chosen).only("pk").delete()
    return len(chosen)


def few_enough(events: dict[int, int]) -> list[int]:
    """As many of the runs as left MOST_EVENTS events together, and at least one."""
    totals = itertools.accumulate(events.values())
    return [run for at, (run, total) in enumerate(zip(events, totals, strict=True)) if not at or total <= MOST_EVENTS]
