"""What it costs that secrets are masked in all that runs record: processor time of runs with and without it, in turns.

python -m benchmarks.masking
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from benchmarks.runs import at_once, flow_of, stub
from benchmarks.stage import set_up

RUNS, PAIRS = 300, 60
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
        for pair in range(PAIRS):
            measured = {}
            for masks in (pair % 2 == 0, pair % 2 == 1):  # whoever comes second has warmer caches
                with nullcontext() if masks else stop_learning():
                    measured[masks] = milliseconds_a_run(flow)
            ratios.append(measured[True] / measured[False])
        middle, error = statistics.median(ratios), statistics.stdev(ratios) / PAIRS**0.5
        print(
            f"masking costs {(middle - 1) * 100:+.1f} % of a run (median of {PAIRS} pairs, standard error {error:.1%})"
        )


if __name__ == "__main__":
    main()
