"""The HTTP API: one client on a kept connection, 32 clients, 500 runs at once, and the first text of 100 streams.

python -m benchmarks.api            SQLite, one process
python -m benchmarks.api --workers 1    PostgreSQL from a package: two web processes and so many workers
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from benchmarks.runs import flow_of, stub
from benchmarks.stage import set_up

CLIENTS, SECONDS, STREAMS = 32, 20.0, 100
RUNS = 150  # one after another
MANY = 500  # at once, three calls of a second each
TAKES = 4.0  # seconds of a long stream of the stub
STREAM_BODY = {"model": "stub", "messages": [{"role": "user", "content": "Why?"}], "stream": True}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def installation(webs: int, workers: int, allowed: str) -> AsyncIterator[list[str]]:
    """Server processes on the database of the benchmark; their addresses, and last that of a bare ASGI answer."""
    environment = {**os.environ, "FOUNDRYFLOW_ALLOWED_DESTINATIONS": allowed, "FOUNDRYFLOW_SIMULATOR": "false"}
    *ports, bare_port = [free_port() for _ in range(webs + 1)]
    commands = [[sys.executable, "manage.py", "serve", "--port", str(port)] for port in ports]
    commands += [[sys.executable, "-m", "benchmarks.bare", str(bare_port)]]
    commands += [[sys.executable, "manage.py", "worker", "--concurrency", "1000"]] * workers
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: ASYNC220 - before the clock runs
        for command in commands
    ]
    try:
        for port in (*ports, bare_port):
            await listening(port)
        await asyncio.sleep(2 if workers else 0)
        yield [f"http://127.0.0.1:{port}" for port in (*ports, bare_port)]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


async def listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


async def one_after_another(urls: list[str], headers: dict[str, str], mark: bytes) -> list[float]:
    """Median milliseconds of each address until the mark has come, asked in turn over connections that are kept."""
    times: list[list[float]] = [[] for _ in urls]
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(RUNS):
            for url, taken in zip(urls, times, strict=True):
                started = time.perf_counter()
                async with session.post(url, json={"inputs": {}}) as answer:
                    seen = b""
                    async for part in answer.content.iter_any():
                        if mark not in seen and mark in (seen := seen + part):
                            taken.append((time.perf_counter() - started) * 1000)
    return [statistics.median(each[RUNS // 10 :]) for each in times]


async def submitted_at_once(address: str, headers: dict[str, str], slug: str) -> float:
    """Seconds from the first submit until every run has ended, as a program sees it."""
    connector = aiohttp.TCPConnector(limit=CLIENTS)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:

        async def submit() -> None:
            async with session.post(f"{address}/api/flows/{slug}/submit", json={"inputs": {}}) as answer:
                assert answer.status == 202, await answer.text()

        async def live(state: str) -> int:
            async with session.get(f"{address}/api/runs", params={"flow": slug, "state": state}) as answer:
                return len((await answer.json())["runs"])

        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(MANY):
                group.create_task(submit())
        while await live("running") or await live("queued") or await live("waiting"):  # noqa: ASYNC110 - as a program would
            await asyncio.sleep(0.05)
        return time.perf_counter() - started


async def throughput(addresses: list[str], key: str, slug: str) -> tuple[float, float]:
    """Runs a second, and the median of their milliseconds."""
    until, times = time.perf_counter() + SECONDS, []

    async def client(session: aiohttp.ClientSession, base: str) -> None:
        while time.perf_counter() < until:
            started = time.perf_counter()
            async with session.post(f"{base}/api/flows/{slug}/run", json={"inputs": {}}) as answer:
                run = await answer.json()
                assert run["state"] == "succeeded", run
            times.append((time.perf_counter() - started) * 1000)

    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        asyncio.TaskGroup() as group,
    ):
        for number in range(CLIENTS):
            group.create_task(client(session, addresses[number % len(addresses)]))
    return len(times) / SECONDS, statistics.median(times)


async def bare(url: str) -> float:
    """Calls a second of the same clients that call the model alone."""
    until, calls = time.perf_counter() + 5, 0

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal calls
        while time.perf_counter() < until:
            async with session.post(url, json=STREAM_BODY) as answer:
                await answer.read()
            calls += 1

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client(session))
    return calls / 5


async def first_text(url: str, headers: dict[str, str], body: object, mark: bytes) -> float:
    """Median milliseconds until the first text of a hundred streams at once."""

    async def one(session: aiohttp.ClientSession) -> float:
        started = time.perf_counter()
        async with session.post(url, json=body, headers=headers) as answer:
            seen = b""
            async for part in answer.content.iter_any():
                seen += part
                if mark in seen:
                    break
            took = (time.perf_counter() - started) * 1000
            async for _ in answer.content.iter_any():
                pass
            return took

    connector = aiohttp.TCPConnector(limit=STREAMS)
    async with aiohttp.ClientSession(connector=connector) as session:
        return statistics.median(await asyncio.gather(*(one(session) for _ in range(STREAMS))))


async def one_more(url: str, headers: dict[str, str], body: object, mark: bytes) -> float:
    """Median milliseconds until the first text of one more stream, while a hundred are going."""
    times = []

    async def one(session: aiohttp.ClientSession, *, counts: bool) -> None:
        started = time.perf_counter()
        async with session.post(url, json=body, headers=headers) as answer:
            seen = b""
            async for part in answer.content.iter_any():
                if counts and mark not in seen and mark in (seen := seen + part):
                    times.append((time.perf_counter() - started) * 1000)

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for at in range(4 * STREAMS):
            group.create_task(one(session, counts=at > STREAMS))
            # A stream of the stub takes TAKES seconds: so many are going at the same time.
            await asyncio.sleep(TAKES / STREAMS)
    return statistics.median(times)


async def measure(base: str, webs: int, workers: int, key: str, slugs: list[str]) -> None:
    async with installation(webs, workers, base.removeprefix("http://")) as (*addresses, bare_asgi):
        headers = {"Authorization": f"Bearer {key}"}
        runs_of = [f"{addresses[0]}/api/flows/{slug}/run" for slug in (slugs[0], slugs[3])]
        one, three, alone = await one_after_another([*runs_of, bare_asgi], headers, b"succeeded")
        print(
            f"(a) one client: {one:.1f} ms for one action, {three:.1f} for three, bare ASGI answer {alone:.1f}:"
            f" +{one - alone:.1f} ms, +{(three - one) / 2:.1f} for each more"
        )
        streamed, alone = await one_after_another(
            [f"{addresses[0]}/api/flows/{slugs[0]}/stream", f"{base}/now/openai/v1/chat/completions"], headers, b"word"
        )
        print(f"(a) first text for one client: {streamed:.1f} ms, of the model alone {alone:.1f}")
        took = await submitted_at_once(addresses[0], headers, slugs[4])
        print(f"(c) {MANY} x 3 x 1 s submitted at once: {took:.2f} s")
        calls = await bare(f"{base}/now/openai/v1/chat/completions")
        runs, median = await throughput(addresses, key, slugs[0])
        print(f"(b) {runs:.0f} runs/s with {CLIENTS} clients, median {median:.0f} ms; bare calls {calls:.0f}/s")
        alone = await first_text(f"{base}/openai/v1/chat/completions", {}, STREAM_BODY, b"word")
        ours = await first_text(
            f"{addresses[0]}/api/flows/{slugs[1]}/stream",
            {"Authorization": f"Bearer {key}"},
            {"inputs": {}},
            b"event: text",
        )
        print(f"(e) first text of {STREAMS} streams: {ours:.0f} ms, bare {alone:.0f} ms, +{ours - alone:.0f} ms")
        long = f"{base}/long/openai/v1/chat/completions"
        alone = await one_more(long, {}, STREAM_BODY, b"word")
        ours = await one_more(
            f"{addresses[0]}/api/flows/{slugs[2]}/stream",
            {"Authorization": f"Bearer {key}"},
            {"inputs": {}},
            b"event: text",
        )
        print(f"(e) of one more while {STREAMS} go: {ours:.0f} ms, bare {alone:.0f} ms, +{ours - alone:.0f} ms")


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--workers", type=int, default=0)
    workers = parser.parse_args().workers
    set_up(postgres=bool(workers))

    from connections.models import Connection
    from connections.secret import Secret
    from foundryflow.models import ApiKey

    with stub() as base:
        Connection.objects.create(name="now", endpoint=f"{base}/now/openai/v1", key=Secret("stub"))
        Connection.objects.create(name="slowly", endpoint=f"{base}/openai/v1", key=Secret("stub"))
        _, key = ApiKey.objects.issue("benchmark", ["read", "run"], by=None)
        Connection.objects.create(name="slow", endpoint=f"{base}/slow/openai/v1", key=Secret("stub"))
        Connection.objects.create(name="long", endpoint=f"{base}/long/openai/v1", key=Secret("stub"))
        flows = (1, "now"), (1, "slowly"), (1, "long"), (3, "now"), (3, "slow")
        slugs = [flow_of(actions, name).slug for actions, name in flows]
        asyncio.run(measure(base, 2 if workers else 1, workers, key, slugs))


if __name__ == "__main__":
    main()
