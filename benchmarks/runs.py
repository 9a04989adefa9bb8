"""What runs cost beside the bare calls they make, in one run: one after another, hundreds at once, and the memory.

python -m benchmarks.runs            on SQLite
DATABASE_URL=postgres://… python -m benchmarks.runs
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.stage import set_up

RUNS = 200  # one after another
MANY = (500, 2_000)  # at once
BODY = {"model": "stub", "messages": [{"role": "user", "content": "Why?"}], "stream": True}


@contextmanager
def stub() -> Iterator[str]:
    """A model without latency in a process of its own; its base address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stub"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def flow_of(actions: int, connection: str) -> Any:
    from flows.language.document import parse
    from flows.models import Flow

    chats = [
        {
            "id": f"chat{at}",
            "type": "chat_completion",
            "properties": {"connection": connection, "model": "stub", "user_prompt": "Why?"},
        }
        for at in range(actions)
    ]
    name = f"{connection} {actions}"
    return Flow.objects.create_flow(parse({"format": "foundryflow/1", "name": name, "actions": chats}), by=None)


async def bare_calls(url: str, calls: int, at_once: int = 1) -> float:
    """Seconds for so many rounds of calls with httpx alone."""
    import httpx
    from httpx_aiohttp import AiohttpTransport

    async with httpx.AsyncClient(
        transport=AiohttpTransport(limits=httpx.Limits(max_connections=5_000)), timeout=60
    ) as client:

        async def one() -> None:
            for _ in range(calls):
                async with client.stream("POST", url, json=BODY, headers={"api-key": "stub"}) as response:
                    async for _chunk in response.aiter_bytes():
                        pass

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(one())
        return time.perf_counter() - started


async def one_after_another(flow: Any) -> list[float]:
    from asgiref.sync import sync_to_async

    from flows.engine.executor import Executor
    from flows.models import Run

    executor, times = Executor("benchmark", 500), []
    await executor.open(feeds=True)
    for _ in range(RUNS):
        started = time.perf_counter()
        run = await sync_to_async(Run.objects.start)(flow=flow, inputs={}, by=None, via="benchmark")
        executor.wake()
        await until_ended(run.pk)
        times.append(time.perf_counter() - started)
    await executor.close()
    return times


async def until_ended(run_id: int) -> None:
    from flows.engine.live import hub

    with hub.subscribe(run_id) as subscription:
        while not subscription.ended:
            await subscription.wait_for_change(10)


async def at_once(flow: Any, runs: int) -> float:
    """Seconds from the first claim until all have ended."""
    from asgiref.sync import sync_to_async

    from flows.engine.executor import Executor
    from flows.models import Run

    await sync_to_async(lambda: [start(flow) for _ in range(runs)])()
    executor = Executor("benchmark", runs)
    started = time.perf_counter()
    await executor.open(feeds=True)
    while await sync_to_async(Run.objects.filter(ended_at=None).count)():  # noqa: ASYNC110 - as an onlooker would
        await asyncio.sleep(0.1)
    took = time.perf_counter() - started
    await executor.close()
    return took


def start(flow: Any) -> None:
    from flows.models import Run

    Run.objects.start(flow=flow, inputs={}, by=None, via="benchmark")


def memory() -> float:
    """MB that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    set_up()
    from django.conf import settings

    from connections.models import Connection
    from connections.secret import Secret
    from flows.models import Run

    with stub() as base:
        settings.ALLOWED_DESTINATIONS = [base.removeprefix("http://")]
        Connection.objects.create(name="fast", endpoint=f"{base}/now/openai/v1", key=Secret("stub"))
        Connection.objects.create(name="slow", endpoint=f"{base}/slow/openai/v1", key=Secret("stub"))
        for actions in (1, 3):
            flow = flow_of(actions, "fast")
            bare = asyncio.run(bare_calls(f"{base}/now/openai/v1/chat/completions", RUNS * actions)) / RUNS * 1000
            run = statistics.median(asyncio.run(one_after_another(flow))) * 1000
            print(
                f"(a) {actions} action: {run:.1f} ms a run, bare {bare:.1f}: +{run - bare:.1f} ms, x {run / bare:.1f}"
            )
        print(f"(f) memory so far {memory():.0f} MB")
        flow = flow_of(3, "slow")
        for runs in MANY:
            bare = asyncio.run(bare_calls(f"{base}/slow/openai/v1/chat/completions", 3, runs))
            took = asyncio.run(at_once(flow, runs))
            print(
                f"(c, d) {runs} runs x 3 x 1 s: {took:.2f} s, bare {bare:.2f} s, x {took / bare:.2f}; {memory():.0f} MB"
            )
        states = json.dumps(sorted(set(Run.objects.values_list("state", flat=True))))
        assert states == '["succeeded"]', states


if __name__ == "__main__":
    main()
