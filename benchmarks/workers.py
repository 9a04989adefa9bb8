"""Workers on PostgreSQL, one beside two: hundreds of runs at once, and runs a second.

A model that answers at once shows what the processors of the machine give, which all processes share; one that takes
a second, and workers with their usual places, how workers add up.

python -m benchmarks.workers
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.runs import bare_calls, flow_of, stub
from benchmarks.stage import set_up

AT_ONCE, SHORT, LONG = 500, 1_500, 3_200  # runs
USUAL = 200  # places of a worker


@contextmanager
def workers(number: int, allowed: str, places: int) -> Iterator[None]:
    """So many worker processes, ready."""
    from flows.models import Worker

    environment = {**os.environ, "FOUNDRYFLOW_ALLOWED_DESTINATIONS": allowed}
    command = [sys.executable, "manage.py", "worker", "--concurrency", str(places)]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _ in range(number)]
    try:
        while Worker.objects.filter(kind="worker").count() < number:
            time.sleep(0.05)
        time.sleep(1)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def seconds(flow: Any, runs: int) -> float:
    """From the moment the runs are in the queue until all have ended."""
    from django.db import transaction

    from flows import engine
    from flows.models import Run

    with transaction.atomic():
        for _ in range(runs):
            engine.submit(Run.objects.start(flow=flow, inputs={}, by=None, via="benchmark"))
    began = time.perf_counter()
    while Run.objects.filter(ended_at=None).exists():
        time.sleep(0.02)
    return time.perf_counter() - began


def main() -> None:
    set_up(postgres=True)

    from connections.models import Connection
    from connections.secret import Secret

    with stub() as base:
        Connection.objects.create(name="now", endpoint=f"{base}/now/openai/v1", key=Secret("stub"))
        Connection.objects.create(name="slow", endpoint=f"{base}/slow/openai/v1", key=Secret("stub"))
        fast, slow, usual = flow_of(1, "now"), flow_of(3, "slow"), flow_of(1, "slow")
        bare = asyncio.run(bare_calls(f"{base}/slow/openai/v1/chat/completions", 3, AT_ONCE))
        rates, shares = [], []
        for number in (1, 2):
            with workers(number, base.removeprefix("http://"), AT_ONCE):
                seconds(fast, 20)
                took = seconds(slow, AT_ONCE)
                rates.append(SHORT / seconds(fast, SHORT))
            print(f"(c) {number} worker: {AT_ONCE} x 3 x 1 s: {took:.2f} s, bare {bare:.2f} s; {rates[-1]:.0f} runs/s")
            with workers(number, base.removeprefix("http://"), USUAL):
                seconds(fast, 20)
                shares.append(LONG / seconds(usual, LONG))
            print(f"    with {USUAL} places and a model that takes 1 s: {shares[-1]:.0f} runs/s")
        print(f"(g) two workers for one: x {shares[1] / shares[0]:.2f}; without latency x {rates[1] / rates[0]:.2f}")


if __name__ == "__main__":
    main()
