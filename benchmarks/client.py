"""The Foundry client beside bare httpx and bare aiohttp, in one run, against a stub in another process.

python -m benchmarks.client
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.values import ChatRequest, Completion, Message, Target, TextDelta
from connections.secret import Secret

CALLS, ROUNDS = 4_000, 4
IN_FLIGHT = (1, 32, 500)
MANY, TIMES = 500, 3
STREAMS = 200
HEADERS = {"api-key": "stub"}
BODY = {"messages": [{"role": "user", "content": "Why?"}], "model": "stub"}
STREAM_BODY = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
Call = Callable[[str], Awaitable[None]]  # takes the base URL
First = Callable[[str], Awaitable[float]]  # seconds to the first text


@dataclass(frozen=True)
class Contender:
    name: str
    call: Call
    first: First | None = None


@dataclass
class Cost:
    wall: float = 0.0
    cpu: float = 0.0
    calls: int = 0

    def __str__(self) -> str:
        return f"{self.wall / self.calls * 1000:6.3f} ms wall  {self.cpu / self.calls * 1000:6.3f} ms CPU a call"


async def bare_httpx(client: httpx.AsyncClient, base: str) -> None:
    answer = await client.post(f"{base}/openai/v1/chat/completions", json=BODY, headers=HEADERS)
    assert json.loads(answer.content)["choices"]


async def bare_aiohttp(session: aiohttp.ClientSession, base: str) -> None:
    async with session.post(f"{base}/openai/v1/chat/completions", json=BODY, headers=HEADERS) as answer:
        assert json.loads(await answer.read())["choices"]


async def ours(client: FoundryClient, base: str) -> None:
    request = ChatRequest("stub", (Message("user", "Why?"),), stream=False)
    assert [event async for event in client.chat(target(base), request) if isinstance(event, Completion)]


@cache
def target(base: str) -> Target:
    return Target("stub", parse_endpoint(f"{base}/openai/v1"), Secret("stub"))


async def first_of_httpx(client: httpx.AsyncClient, base: str) -> float:
    started, first = time.perf_counter(), 0.0
    url = f"{base}/openai/v1/chat/completions"
    async with client.stream("POST", url, json=STREAM_BODY, headers=HEADERS) as answer:
        async for chunk in answer.aiter_bytes():
            first = first or (time.perf_counter() - started if b"word" in chunk else 0.0)
    return first


async def first_of_aiohttp(session: aiohttp.ClientSession, base: str) -> float:
    started, first = time.perf_counter(), 0.0
    async with session.post(f"{base}/openai/v1/chat/completions", json=STREAM_BODY, headers=HEADERS) as answer:
        async for chunk in answer.content.iter_any():
            first = first or (time.perf_counter() - started if b"word" in chunk else 0.0)
    return first


async def first_of_ours(client: FoundryClient, base: str) -> float:
    started, first = time.perf_counter(), 0.0
    async for event in client.chat(target(base), ChatRequest("stub", (Message("user", "Why?"),))):
        if isinstance(event, TextDelta) and not first:
            first = time.perf_counter() - started
    return first


@asynccontextmanager
async def contenders(port: int) -> AsyncIterator[list[Contender]]:
    connector = aiohttp.TCPConnector(limit=2_000)
    many = httpx.Limits(max_connections=2_000, max_keepalive_connections=2_000)
    timeout = httpx.Timeout(60)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        httpx.AsyncClient(transport=AiohttpTransport(limits=many), timeout=timeout) as over_aiohttp,
        httpx.AsyncClient(limits=many, timeout=timeout) as own,
    ):
        client = FoundryClient(destinations=Destinations.parse(f"127.0.0.1:{port}"))
        yield [
            Contender(
                "httpx on aiohttp",
                lambda base: bare_httpx(over_aiohttp, base),
                lambda base: first_of_httpx(over_aiohttp, base),
            ),
            Contender(
                "aiohttp", lambda base: bare_aiohttp(session, base), lambda base: first_of_aiohttp(session, base)
            ),
            Contender("FoundryClient", lambda base: ours(client, base), lambda base: first_of_ours(client, base)),
            Contender("httpx alone", lambda base: bare_httpx(own, base)),
        ]
        await client.aclose()


async def run_calls(call: Call, base: str, calls: int, in_flight: int, cost: Cost) -> None:
    left = iter(range(calls))

    async def work() -> None:
        for _ in left:
            await call(base)

    wall, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work())
    cost.wall += time.perf_counter() - wall
    cost.cpu += time.process_time() - cpu
    cost.calls += calls


async def throughput(found: list[Contender], base: str) -> None:
    for in_flight in IN_FLIGHT:
        # Its own pool takes seconds for each round at 500.
        taking_part = found if in_flight < 500 else found[:-1]
        costs = {contender.name: Cost() for contender in taking_part}
        for contender in taking_part:
            await run_calls(contender.call, base, 2 * in_flight, in_flight, Cost())
        for at in range(ROUNDS):
            for contender in taking_part[at % len(taking_part) :] + taking_part[: at % len(taking_part)]:
                await run_calls(contender.call, base, CALLS // ROUNDS, in_flight, costs[contender.name])
        print(f"\n{CALLS} calls, {in_flight} in flight")
        for name, cost in costs.items():
            print(f"  {name:18} {cost}")
        mine = costs["FoundryClient"]
        for name in ("httpx on aiohttp", "aiohttp"):
            print(f"  CPU over {name}: {mine.cpu / costs[name].cpu:.2f}; wall {mine.wall / costs[name].wall:.2f}")


async def waiting(found: list[Contender], base: str) -> None:
    print(f"\n{MANY} in flight x {TIMES} calls of a second (ideal {TIMES} s)")
    for contender in found[:-1]:
        cost = Cost()
        await run_calls(contender.call, f"{base}/slow", MANY * TIMES, MANY, cost)
        print(f"  {contender.name:18} {cost.wall:.2f} s")


async def first_tokens(found: list[Contender], base: str) -> None:
    taking_part = [(contender.name, contender.first) for contender in found if contender.first]
    times: dict[str, list[float]] = {name: [] for name, _ in taking_part}
    for _ in range(STREAMS):
        for name, first in taking_part:
            times[name].append(await first(base) * 1000)
    print(f"\nTime to first token, median of {STREAMS} streams")
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, median in medians.items():
        print(f"  {name:18} {median:.2f} ms")
    print(f"  added over bare httpx: {medians['FoundryClient'] - medians['httpx on aiohttp']:.2f} ms")


async def measure(port: int) -> None:
    base = f"http://127.0.0.1:{port}"
    async with contenders(port) as found:
        await throughput(found, base)
        await waiting(found, base)
        await first_tokens(found, base)


def main() -> None:
    stub = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.stub"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert stub.stdout is not None
        asyncio.run(measure(int(stub.stdout.readline())))
    finally:
        stub.kill()
        stub.wait()


if __name__ == "__main__":
    main()
