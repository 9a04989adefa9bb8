"""Calls a function that people have written in Python, in a process of its own that can reach nothing.

pydantic-monty interprets it: there are no files, no network, no environment and few modules, and it counts time, memory
and depth. Its asynchronous pool makes a process abort now and then when that exits, so the other one is used, by
threads of ours. Values go in and come out as JSON. Whoever cancels a call kills the process that it is in.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic_monty import Monty, MontyCrashedError, MontyError, MontySession, ResourceLimits

from flows.language.python_failures import FunctionFailed, FunctionLimits, at_line, failure_of, out_of_time, places_of
from flows.language.python_source import MARK, CodeError, FunctionSource, read_source
from flows.language.values import display_json
from foundryflow.strict_json import JsonError, storable_json

log = logging.getLogger(__name__)

PROCESSES = 4  # of one server or worker
CALLS_OF_PROCESS = 200  # then another one takes its place
MOST_GIVEN, MOST_RESULT = 5_000_000, 2_000_000  # characters of JSON
MOST_PRINTED, FLOOD = 20_000, 1_000_000  # characters that are kept, and those that end the function
# Behind the text of people, whatever names they have used.
CALL = """
import json as __json__
__result__ = {name}(**__json__.loads(__given__))
__text__ = __json__.dumps(__result__, ensure_ascii=False)
__text__[:{most}]"""


@dataclass(frozen=True)
class FunctionOutcome:
    value: Any
    printed: str
    seconds: float


class FunctionStopped(Exception):
    """Nobody waits for the value any more."""


@dataclass
class FunctionJob:
    """One call of the function in a text."""

    code: str
    arguments: Mapping[str, Any]
    limits: FunctionLimits = field(default_factory=FunctionLimits)
    is_stopped: bool = False
    _printed: list[str] = field(default_factory=list)
    _size: int = 0  # of everything that was printed
    _process: int | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def within(self, process: int | None) -> Iterator[None]:
        """In it, `stop` kills the process. Raises FunctionStopped when that was called before."""
        with self._guard:
            if self.is_stopped:
                raise FunctionStopped
            self._process = process
        try:
            yield
        finally:
            with self._guard:
                self._process = None

    def stop(self) -> None:
        with self._guard:
            self.is_stopped = True
            self._kill()

    def keep_printed(self, stream: str, text: str) -> None:
        """Keeps the beginning of what is printed; more than anybody reads ends the process."""
        if self._size < MOST_PRINTED:
            self._printed.append(text[: MOST_PRINTED - self._size])
        self._size += len(text)
        if self.has_flooded:
            with self._guard:
                self._kill()

    @property
    def has_flooded(self) -> bool:
        return self._size > FLOOD

    @property
    def printed(self) -> str:
        return "".join(self._printed) + ("\n… and more" if self._size > MOST_PRINTED else "")

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)


class FunctionSandbox:
    """The processes that functions are called in; each starts when it is needed. Safe to use from any thread."""

    def __init__(self, processes: int = PROCESSES) -> None:
        self._processes = processes
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="function")
        self._pool: Monty | None = None
        self._guard = threading.Lock()

    def submit(self, job: FunctionJob) -> Future[FunctionOutcome]:
        """Its result raises FunctionFailed, and FunctionStopped after `job.stop()`."""
        return self._threads.submit(self._execute, job)

    async def run(self, job: FunctionJob) -> FunctionOutcome:
        """Raises FunctionFailed. A cancellation ends the function at once."""
        try:
            return await asyncio.wrap_future(self.submit(job))
        finally:
            job.stop()

    def _execute(self, job: FunctionJob) -> FunctionOutcome:
        try:
            source, given = read_source(job.code), json_of(job.arguments)
            if problem := source.problem_with(job.arguments):
                raise FunctionFailed("input", problem, "Correct Arguments in the property panel.")
            return self._call(job, source, given)
        except CodeError as error:
            raise FunctionFailed("code", str(error), "Correct the code in the property panel.") from None
        except FunctionFailed as error:
            error.printed = job.printed
            raise

    def _call(self, job: FunctionJob, source: FunctionSource, given: str) -> FunctionOutcome:
        limits: ResourceLimits = {
            "max_feed_duration_secs": job.limits.seconds,
            "max_total_sleep_secs": job.limits.seconds,
            "max_memory": job.limits.memory,
            "max_recursion_depth": job.limits.depth,
        }
        with self._open_pool().checkout(limits=limits) as session, job.within(session.worker_pid):
            began = time.monotonic()
            text = evaluate(session, job, source, given)
            seconds = time.monotonic() - began
        return FunctionOutcome(value_of(text), job.printed, seconds)

    def _open_pool(self) -> Monty:
        with self._guard:
            if self._pool is None:
                made = Monty(max_processes=self._processes, max_checkouts_per_worker=CALLS_OF_PROCESS)
                try:
                    self._pool = made.__enter__()
                except (OSError, MontyError) as error:
                    log.error("action=function_sandbox_not_started error=%r", error)
                    sentence = "The server could not start a process for the function."
                    raise FunctionFailed("sandbox", sentence, "See the log of the server.") from None
            return self._pool


def evaluate(session: MontySession, job: FunctionJob, source: FunctionSource, given: str) -> Any:
    """What the session gives for a call of the function. Raises FunctionFailed and FunctionStopped."""
    code = source.marked + CALL.format(name=source.name, most=MOST_RESULT + 1)
    try:
        return session.feed_run(code, inputs={"__given__": given, MARK: [0]}, print_callback=job.keep_printed)
    except MontyCrashedError as error:
        raise reason_of_death(job, source, error) from None
    except MontyError as error:
        places = list(places_of(error, source))
        line = places[-1].line if places else marked_line(session)
        raise failure_of(error, job.limits, line, places) from None


def marked_line(session: MontySession) -> int | None:
    """The line of the function or loop that was begun last; None where that cannot be found out any more."""
    try:
        found = session.feed_run(f"{MARK}[0]")
    except MontyError:
        return None
    return found if isinstance(found, int) and found > 0 else None


def reason_of_death(
    job: FunctionJob, source: FunctionSource, error: MontyCrashedError
) -> FunctionFailed | FunctionStopped:
    """Why the process ended that the function was in."""
    if job.is_stopped:
        return FunctionStopped()
    if job.has_flooded:
        sentence = at_line(source.only_print, f"The function printed more than {FLOOD:,} characters, and was stopped.")
        return FunctionFailed("function_output", sentence, "Print less, and return what is needed.")
    if error.timed_out:
        return out_of_time(job.limits, None)
    log.warning("action=function_process_died error=%s", error)
    return FunctionFailed(
        "function_crash", "The process of the function died.", "Work on less at a time.", may_repeat=True
    )


def json_of(arguments: Mapping[str, Any]) -> str:
    """Raises FunctionFailed."""
    text = json.dumps(display_json(arguments), ensure_ascii=False)
    if len(text) > MOST_GIVEN:
        sentence = f"What is handed to the function is larger than {MOST_GIVEN:,} characters."
        raise FunctionFailed("too_large", sentence, "Hand over only what it needs.")
    return text


def value_of(text: Any) -> Any:
    """The value in the JSON that came out of the sandbox. Raises FunctionFailed."""
    if not isinstance(text, str) or len(text) > MOST_RESULT:
        sentence = f"What the function returns is larger than {MOST_RESULT:,} characters."
        raise FunctionFailed("too_large", sentence, "Return only what is needed.")
    try:
        return storable_json(text)
    except JsonError as error:
        sentence = f"What the function returns {error.what}."
        raise FunctionFailed("function_result", sentence, "Return texts, numbers, lists and objects.") from None


sandbox = FunctionSandbox()
