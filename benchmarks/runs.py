"""What the engine adds to the bare call: 200 one-action runs one after another, beside a bare httpx loop.

python -m benchmarks.runs
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time

from benchmarks.stage import set_up

RUNS = 200
PORT = 18_765


async def bare(url: str) -> list[float]:
    import httpx
    from httpx_aiohttp import AiohttpTransport

    body = {
        "model": "fast",
        "messages": [{"role": "user", "content": "Why?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    times = []
    async with httpx.AsyncClient(transport=AiohttpTransport()) as client:
        for _ in range(RUNS):
            started = time.perf_counter()
            async with client.stream("POST", url, json=body, headers={"api-key": "simulator"}) as response:
                async for _chunk in response.aiter_bytes():
                    pass
            times.append(time.perf_counter() - started)
    return times


async def engine(flow) -> list[float]:  # type: ignore[no-untyped-def]
    from asgiref.sync import sync_to_async

    from flows.engine.embedded import Engine
    from flows.models import Run

    running, times = Engine(), []
    for _ in range(RUNS):
        started = time.perf_counter()
        run = await sync_to_async(Run.objects.start)(flow=flow, inputs={}, by=None, via="benchmark")
        await running.execute(run.pk)
        times.append(time.perf_counter() - started)
    await running.close()
    return times


def main() -> None:
    set_up()
    from django.conf import settings

    from connections.models import Connection
    from connections.secret import Secret
    from flows.document import parse
    from flows.models import Flow, Run

    settings.ALLOWED_DESTINATIONS = [f"127.0.0.1:{PORT}"]
    server = subprocess.Popen(
        [sys.executable, "-m", "connections.simulator", "--port", str(PORT)], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()
        time.sleep(0.5)
        url = f"http://127.0.0.1:{PORT}/openai/v1"
        Connection.objects.create(name="simulator", endpoint=url, key=Secret("simulator"))
        chat = {
            "id": "chat",
            "type": "chat_completion",
            "properties": {"connection": "simulator", "model": "fast", "user_prompt": "Why?"},
        }
        flow = Flow.objects.start_with(parse({"format": "foundryflow/1", "name": "one", "actions": [chat]}), by=None)
        calls, runs = asyncio.run(bare(f"{url}/chat/completions")), asyncio.run(engine(flow))
        assert Run.objects.filter(state="succeeded").count() == RUNS
    finally:
        server.terminate()
        server.wait()
    call, run = statistics.median(calls) * 1000, statistics.median(runs) * 1000
    print(f"{RUNS} one-action runs: {run:.1f} ms a run, bare httpx {call:.1f} ms a call (medians)")
    print(
        f"added {run - call:.1f} ms a run; ratio {run / call:.2f}; in all {sum(runs):.2f} s against {sum(calls):.2f} s"
    )


if __name__ == "__main__":
    main()
