"""Processes for evaluations that take longer than others can wait: few, started when needed, ended when idle.

MiniJinja holds the interpreter while it works, so a thread would stop the loop all the same. A thread here only
talks to its process. Whoever cancels an evaluation kills the process that it is in.
"""

from __future__ import annotations

import atexit
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from struct import Struct

from flows.language.evaluator_messages import (
    OUT_OF_MEMORY,
    EvaluationFailure,
    EvaluationResult,
    EvaluationTask,
    MessageTooLarge,
    pack_task,
    unpack_result,
)

log = logging.getLogger(__name__)

PROCESSES = 2
MOST_WAITING = 5_000  # evaluations
MEMORY = 768 * 1024 * 1024  # bytes of addresses of one process
SECONDS = 2.0  # of processor time of one evaluation, with what it takes to get the values there
PATIENCE = 60.0  # seconds until an answer must have come, however busy the machine is
IDLE = 30.0  # seconds that a process is kept without work
LENGTH = Struct(">Q")
ROOT = Path(__file__).resolve().parents[2]
KEPT_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "TMPDIR", "TZ")

TOO_LONG = "The template takes too long. Shorten its loops."
TOO_MUCH_MEMORY = "The template needs too much memory. Work on less at a time."
TOO_LARGE = "The variables of the template are too large to work on. Take a part of them."
NOT_STARTED = "The server could not start a process for this template. See the log of the server."
BUSY = "The server has too many long templates to evaluate. Try again later."


class Evaluation(Future[EvaluationResult]):
    """One that was handed in. Cancelling it ends it, wherever it is."""

    def __init__(self, task: EvaluationTask) -> None:
        super().__init__()
        self.task = task
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.abandoned = False

    def cancel(self) -> bool:
        with self._guard:
            self.abandoned = True
            if self._process is not None:
                self._process.kill()
        return super().cancel()

    def enter(self, process: subprocess.Popen[bytes] | None) -> None:
        """Says which process it is in from now on."""
        with self._guard:
            self._process = process
            if process is not None and self.abandoned:
                process.kill()


class EvaluatorPool:
    """The processes of this one. Safe to use from any thread."""

    def __init__(
        self, processes: int = PROCESSES, memory: int = MEMORY, seconds: float = SECONDS, idle: float = IDLE
    ) -> None:
        self._most, self._bounds, self._idle = processes, (str(memory), str(seconds)), idle
        self._changed = threading.Condition()
        self._waiting: deque[Evaluation] = deque()
        self._places: set[EvaluatorThread] = set()
        self._free = 0

    @property
    def processes(self) -> list[int]:
        """The ids of those that are there now."""
        return [place.process.pid for place in list(self._places) if place.process is not None]

    def submit(self, task: EvaluationTask) -> Evaluation:
        made = Evaluation(task)
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                made.set_result(failure_result(BUSY))
                return made
            self._waiting.append(made)
            if self._free < len(self._waiting) and len(self._places) < self._most:
                place = EvaluatorThread(self.next, self.leave, self._bounds)
                self._places.add(place)
                place.start()
            self._changed.notify()
        return made

    def close(self) -> None:
        for place in list(self._places):
            if place.process is not None:
                place.process.kill()

    def next(self) -> Evaluation | None:
        """For a place: what it is to evaluate; None when there has been nothing to do for long."""
        with self._changed:
            self._free += 1
            try:
                if self._changed.wait_for(lambda: self._waiting, self._idle):
                    return self._waiting.popleft()
            finally:
                self._free -= 1
        return None

    def leave(self, place: EvaluatorThread) -> bool:
        """For a place: whether it may end."""
        with self._changed:
            if self._waiting:
                return False
            self._places.discard(place)
            return True


class EvaluatorThread(threading.Thread):
    """One process at a time, and the thread that talks to it."""

    def __init__(
        self, next: Callable[[], Evaluation | None], leave: Callable[[EvaluatorThread], bool], bounds: tuple[str, str]
    ) -> None:
        super().__init__(name="evaluator", daemon=True)
        self._next, self._leave, self._bounds = next, leave, bounds
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while (evaluation := self._next()) or not self._leave(self):
            if evaluation is not None and evaluation.set_running_or_notify_cancel():
                try:
                    evaluation.set_result(self._evaluate(evaluation))
                except CancelledError as error:
                    evaluation.set_exception(error)
                except BaseException as error:
                    self._end()
                    evaluation.set_exception(error)
            del evaluation
        self._end()

    def _evaluate(self, evaluation: Evaluation) -> EvaluationResult:
        try:
            data, kept = pack_task(evaluation.task)
        except (MessageTooLarge, MemoryError):
            return failure_result(TOO_LARGE)
        except RecursionError:
            return failure_result("The value is nested too deeply.")
        used = self.process is not None
        while True:
            began = time.monotonic()
            try:
                process = self.process = self.process or self._start()
            except OSError as error:
                log.error("action=evaluator_not_started error=%r", error)
                return failure_result(NOT_STARTED)
            if evaluation.abandoned:
                raise CancelledError
            evaluation.enter(process)
            answer = exchange(process, data)
            evaluation.enter(None)
            if answer is not None:
                return unpack_result(answer, kept)
            status = self._end()
            if evaluation.abandoned:
                raise CancelledError
            if used and status != -signal.SIGPROF:
                used = False  # it may have died before; once more, in one of its own
                continue
            log.warning("action=evaluator_died status=%s", status)
            if status == -signal.SIGPROF or time.monotonic() - began > PATIENCE:
                return failure_result(TOO_LONG)
            own_end = status is not None and status >= 0 and status != OUT_OF_MEMORY
            return failure_result(NOT_STARTED if own_end else TOO_MUCH_MEMORY)

    def _start(self) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "flows.language.evaluator_process", *self._bounds],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=kept,  # no key of the server goes there
        )

    def _end(self) -> int | None:
        """Its status: negative, the signal that ended it."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.kill()
        status = process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # with what it could not send
                if pipe is not None:
                    pipe.close()
        return status


def exchange(process: subprocess.Popen[bytes], data: bytes) -> bytes | None:
    """The answer to a task; None when the process died, or said nothing for long."""
    if process.stdin is None or process.stdout is None:
        return None
    try:
        process.stdin.write(LENGTH.pack(len(data)))
        process.stdin.write(data)
        process.stdin.flush()
    except OSError:
        return None
    waits = select.poll()
    waits.register(process.stdout, select.POLLIN | select.POLLHUP)
    if not waits.poll(PATIENCE * 1000):
        return None
    header = process.stdout.read(LENGTH.size)
    if len(header) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(header)
    answer = process.stdout.read(length)
    return answer if len(answer) == length else None


def failure_result(said: str) -> EvaluationResult:
    return EvaluationResult(failure=EvaluationFailure("said", said))


pool = EvaluatorPool()
atexit.register(pool.close)
