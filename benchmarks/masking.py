"""What it costs that secrets are masked in all that runs record: processor time of runs with and without it, in turns.

python -m benchmarks.masking
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.runs import at_once, flow_of, stub
from benchmarks.stage import set_up

RUNS, PAIRS = 300, 8
KEY = "stub-key-of-this-benchmark-0123456789"


@contextmanager
def stop_learning() -> Iterator[None]:
    """Runs meanwhile learn no secret, so that nothing is masked."""
    from flows.interpreter.known_secrets import KnownSecrets

    learn: Callable[..., None] = KnownSecrets.learn
    KnownSecrets.learn = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        KnownSecrets.learn = learn  # type: ignore[method-assign]


def milliseconds_a_run(flow: Any) -> float:
    """Processor time of this process."""
    started = time.process_time()
    asyncio.run(at_once(flow, RUNS))
    return (time.process_time() - started) / RUNS * 1_000


def main() -> None:
    set_up()
    from django.conf import settings

    from connections.models import Connection
    from connections.secret import Secret

    with stub() as base:
        settings.ALLOWED_DESTINATIONS = [base.removeprefix("http://")]
        Connection.objects.create(name="fast", endpoint=f"{base}/now/openai/v1", key=Secret(KEY))
        flow = flow_of(3, "fast")
        milliseconds_a_run(flow)
        ratios = []
        for _ in range(PAIRS):
            with stop_learning():
                without = milliseconds_a_run(flow)
            masked = milliseconds_a_run(flow)
            ratios.append(masked / without)
            print(f"three actions: {without:.2f} ms of the processor a run without, {masked:.2f} ms with masking")
        print(f"masking costs {(statistics.median(ratios) - 1) * 100:+.1f} % of a run (median of {PAIRS} pairs)")


if __name__ == "__main__":
    main()
