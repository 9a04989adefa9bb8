"""The processes of this server, on whichever machine: each says every few seconds that it lives.

Times are those of the database, which all of them share, so that a clock that is wrong makes nobody look dead.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from foundryflow.models import ServerProcess

WEB, WORKER = "web", "worker"
HEARD_WITHIN = timedelta(seconds=15)
KEPT = timedelta(days=7)  # that a process which has ended is listed
FORGOTTEN_AFTER = timedelta(hours=1)  # of silence another one may have its name
MISSED = timedelta(seconds=6)  # of silence in which a process that lives would have been heard
TRIES = 5  # to find a name, while others look for one
CLOCK_LIMIT = timedelta(seconds=5)


class ProcessState(StrEnum):
    ANSWERING = "Answering"
    STOPPED = "Stopped"
    NOT_HEARD = "Not heard"


@dataclass(frozen=True)
class KnownProcess:
    """A process as it was when everybody was looked at."""

    process: ServerProcess
    state: ProcessState
    is_replaced: bool = False  # it fell silent, and another one was started in its place since

    @property
    def is_answering(self) -> bool:
        return self.state is ProcessState.ANSWERING

    @property
    def is_missed(self) -> bool:
        return self.state is ProcessState.NOT_HEARD and not self.is_replaced

    @property
    def has_wrong_clock(self) -> bool:
        return self.is_answering and abs(self.process.clock_error) > CLOCK_LIMIT


# What a process says of itself


def tell(process: UUID, kind: str, runs: int) -> None:
    """That it lives. One statement, but for the first time."""
    heard = {"heard_at": Now(), "told_at": timezone.now(), "runs": runs, "memory": memory()}
    known = ServerProcess.objects.filter(pk=process)
    if not known.update(**heard, handed_on=0, stopped_at=None):
        register(process, kind)
        known.update(**heard)


def register(process: UUID, kind: str) -> None:
    """Under the lowest number of its kind that is free."""
    forget_ended()
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                create(process, kind)
        except IntegrityError:  # another one was faster
            continue
        return


def create(process: UUID, kind: str) -> None:
    host = socket.gethostname()[:200]
    others = list(ServerProcess.objects.filter(kind=kind).annotate(now=Now()).order_by("number"))
    free = {other.number: other for other in others if is_free(other, host)}
    taken = {other.number for other in others} - set(free)
    number = next(number for number in range(1, len(others) + 2) if number not in taken)
    if number in free:
        free[number].delete()
    times = {"started_at": Now(), "heard_at": Now(), "told_at": timezone.now()}
    ServerProcess.objects.create(pk=process, kind=kind, number=number, host=host, pid=os.getpid(), **times)


def is_free(other: Any, host: str) -> bool:
    """Whether a new process may have the name of this one."""
    silence = other.now - other.heard_at
    if other.stopped_at is not None or silence > FORGOTTEN_AFTER:
        return True
    if silence < MISSED or other.host != host:  # containers may share a host and have numbers of their own
        return False
    return other.pid == os.getpid() or not is_running(other.pid)


def is_running(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True


def note_stop(process: UUID) -> None:
    """That it ends in order."""
    ServerProcess.objects.filter(pk=process).update(heard_at=Now(), stopped_at=Now(), runs=0, memory=None)


def note_handed_on(process: UUID, runs: int) -> None:
    """That others have taken over so many runs of a process that fell silent."""
    ServerProcess.objects.filter(pk=process, stopped_at=None).update(handed_on=F("handed_on") + runs, runs=0)


def forget_ended() -> None:
    ServerProcess.objects.filter(heard_at__lt=Now() - KEPT).delete()


def memory() -> int | None:
    """Bytes that this process has in memory; None where the system does not say it in this way."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


# What others see of it


def known_processes() -> list[KnownProcess]:
    """Web processes first, by their numbers."""
    found = ServerProcess.objects.filter(heard_at__gte=Now() - KEPT).annotate(now=Now()).order_by("kind", "number")
    return mark_replaced([KnownProcess(process, state_of(process, process.now)) for process in found])


def mark_replaced(processes: list[KnownProcess]) -> list[KnownProcess]:
    """Each that answers may stand for one of its kind and host that fell silent before it was started."""
    free = [known.process for known in processes if known.is_answering]
    marked = []
    for known in processes:
        silent = known.process
        heirs = (
            each
            for each in free
            if (each.kind, each.host) == (silent.kind, silent.host) and each.started_at > silent.heard_at
        )
        if known.is_missed and (heir := next(heirs, None)):
            free.remove(heir)
            known = replace(known, is_replaced=True)
        marked.append(known)
    return marked


def state_of(process: ServerProcess, now: datetime) -> ProcessState:
    if process.stopped_at is not None:
        return ProcessState.STOPPED
    return ProcessState.ANSWERING if now - process.heard_at <= HEARD_WITHIN else ProcessState.NOT_HEARD
