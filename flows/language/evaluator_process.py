"""A process that evaluates one template after another for its parent.

Started as `python -m flows.language.evaluator_process MEMORY SECONDS`.

Each task and each answer is its length in eight bytes and then itself. The process ends with its input.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import sys
import time
from typing import BinaryIO

from flows.language.evaluator_messages import (
    OUT_OF_MEMORY,
    EvaluationFailure,
    EvaluationResult,
    pack_result,
    unpack_task,
)
from flows.language.expressions import FAILURES, compute, failure_of
from flows.language.sandbox import operations

LENGTH = struct.Struct(">Q")
NICENESS = 5  # pages come first
TOO_MUCH_MEMORY = "The template needs too much memory. Work on less at a time."


def main(memory: int, seconds: float) -> None:
    """Takes at most `memory` bytes of addresses in all, and `seconds` of processor time for one task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # typed at a terminal for the parent
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    memory = memory if most == resource.RLIM_INFINITY else min(memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while task := read_message(tasks):
        # Its signal ends the process, whatever MiniJinja is in the midst of.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        answer = evaluate_task(task)
        signal.setitimer(signal.ITIMER_PROF, 0)
        del task
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def read_message(file: BinaryIO) -> bytes:
    """Empty at the end."""
    header = file.read(LENGTH.size)
    return file.read(LENGTH.unpack(header)[0]) if len(header) == LENGTH.size else b""


def evaluate_task(data: bytes) -> bytes:
    began = time.thread_time()
    try:
        task, places = unpack_task(data)
        try:
            context = {name: operations.to_view(value) for name, value in task.values.items()}
            value = operations.from_view(compute(task.template, context))
            outcome = EvaluationResult(value, seconds=time.thread_time() - began)
        except FAILURES as error:
            outcome = EvaluationResult(failure=failure_of(error), seconds=time.thread_time() - began)
        return pack_result(outcome, places)
    except MemoryError:
        return pack_result(EvaluationResult(failure=EvaluationFailure("said", TOO_MUCH_MEMORY)), {})
    except RecursionError:
        return pack_result(EvaluationResult(failure=EvaluationFailure("said", "The value is nested too deeply.")), {})


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), float(sys.argv[2]))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
