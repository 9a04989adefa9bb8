"""How long pages wait while flows do their worst with templates: the longest waits, beside those of an idle server.

python -m benchmarks.hostile        on SQLite, one process
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp

from benchmarks.api import installation
from benchmarks.stage import set_up

Hostile = tuple[str, dict[str, Any]]  # its slug, and the inputs of a run
AT_ONCE = 20  # runs
SECONDS = 12.0  # of each round
EVERY = 0.02  # seconds between two requests of a page
BIG = ["word " * 20 + str(at) for at in range(20_000)]

# One evaluation after another, each as long as it may be.
TEMPLATES = {
    "nested loops": "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
    "sorting": "{{ big | sort | unique | length }}{{ big | reverse | sort | length }}",
    "slices": "{% for i in range(10000) %}{{ big[i:] | length }}{% endfor %}",
    "searching": "{% for i in range(10000) %}{{ 'zzz' in (big | join(' ')) }}{% endfor %}",
    "JSON": "{{ big | tojson | length }}{{ big | batch(3) | tojson | length }}",
    "texts": "{{ big | join(' ') | split(' ') | map('upper') | join(',') | length }}",
    "nine milliseconds": "{% for i in range(1500) %}{{ i * i }}{% endfor %}",
}


def action(type: str, id: str, /, **properties: Any) -> dict[str, Any]:
    return {"id": id, "type": type, "properties": properties}


def body(id: str, type: str, *actions: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    branch = {"id": f"{id}-body", "title": "", "actions": list(actions)}
    return {**action(type, id, **properties), "branches": [branch]}


def caught(id: str, inner: Mapping[str, Any]) -> dict[str, Any]:
    lanes = [{"id": f"{id}-try", "actions": [inner]}, {"id": f"{id}-catch", "actions": []}]
    return {**action("try_catch", id), "branches": lanes}


def hostile_flows() -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    for name, template in TEMPLATES.items():
        tries = caught("t", action("log", "l", message=template))
        yield name, [body("w", "while", tries, condition="true", max_iterations=1_000_000)]
    heavy = "{% for i in range(10000) %}{% for j in range(99) %}{% endfor %}{% endfor %}"
    held = "(big | sort | length) > 0 and (big | unique | length) > 0"
    yield "conditions", [body("w", "while", action("log", "l", message="x"), condition=held)]
    yield "items", [body("e", "for_each", action("log", "l", message="x"), items="{{ big | sort }}", parallelism=20)]
    rows = [
        {"name": f"v{at}", "value": "{% for i in range(1000) %}{{ i * " + str(at) + " }}{% endfor %}"}
        for at in range(500)
    ]
    yield "many variables", [body("w", "while", action("declare_variables", "d", variables=rows), condition="true")]
    tries = caught("t", action("log", "l", message=heavy))
    yield "side by side", [body("e", "for_each", tries, items="{{ range(2000) }}", parallelism=20)]


def prepared() -> tuple[str, str, list[Hostile]]:
    """A key of the API, a cookie of a session, and the flows."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from flows.language.document import parse
    from flows.models import Flow
    from foundryflow.models import ApiKey

    ada = get_user_model().objects.create_superuser("ada", password="only for benchmarks")
    client = Client()
    client.force_login(ada)
    slugs = []
    for name, actions in hostile_flows():
        inputs = [{"name": "big", "type": "list"}] if "big" in json.dumps(actions) else []
        document = {"format": "foundryflow/1", "name": name, "inputs": inputs, "actions": actions}
        flow: Any = Flow.objects.create_flow(parse(document), by=None)
        slugs.append((flow.slug, {"big": BIG} if inputs else {}))
    _, key = ApiKey.objects.issue("benchmark", ["read", "run"], by=ada)
    return key, client.cookies["sessionid"].value, slugs


async def watch(base: str, path: str, cookie: str, seconds: float) -> list[float]:
    """Milliseconds of requests one after another, 20 ms apart."""
    times: list[float] = []

    async def one(session: aiohttp.ClientSession) -> None:
        began = time.perf_counter()
        async with session.get(f"{base}{path}", allow_redirects=False) as answer:
            await answer.read()
            assert answer.status == 200, (path, answer.status)
        times.append((time.perf_counter() - began) * 1000)

    jar = aiohttp.CookieJar(unsafe=True)
    jar.update_cookies({"sessionid": cookie})
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            await one(session)
            await asyncio.sleep(EVERY)
    return times


async def begin(base: str, key: str, flows: list[Hostile]) -> list[str]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        runs = []
        for at in range(AT_ONCE):
            slug, inputs = flows[at % len(flows)]
            async with session.post(f"{base}/api/flows/{slug}/submit", json={"inputs": inputs}) as answer:
                assert answer.status in (200, 201, 202), await answer.text()
                runs.append(str((await answer.json())["run"]))
        return runs


async def stop(base: str, key: str, runs: list[str]) -> float:
    """Seconds until all have ended."""
    began = time.perf_counter()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        for run in runs:
            async with session.post(f"{base}/api/runs/{run}/cancel") as answer:
                await answer.read()
        for run in runs:
            async with asyncio.timeout(60):
                while True:
                    async with session.get(f"{base}/api/runs/{run}") as answer:
                        if (await answer.json())["state"] not in ("queued", "running", "waiting"):
                            break
                    await asyncio.sleep(0.1)
    return time.perf_counter() - began


def told(name: str, times: list[float]) -> str:
    ordered = sorted(times)
    return (
        f"{name:26} {len(times):5} requests  median {statistics.median(times):7.1f}  "
        f"99% {ordered[int(len(ordered) * 0.99)]:7.1f}  longest {ordered[-1]:7.1f} ms"
    )


async def measure(key: str, cookie: str, flows: list[Hostile], wanted: list[str], seconds: float) -> None:
    async with installation(1, 0, "") as (base, _):
        print(told("idle /healthz", await watch(base, "/healthz", cookie, 3)))
        print(told("idle /flows/", await watch(base, "/flows/", cookie, 3)))
        rounds = [("all", flows), *((flow[0], [flow]) for flow in flows)]
        for name, some in rounds:
            if wanted and name not in wanted:
                continue
            runs = await begin(base, key, some)
            health, page = await asyncio.gather(
                watch(base, "/healthz", cookie, seconds), watch(base, "/flows/", cookie, seconds)
            )
            print(told(f"{name} /healthz", health))
            print(told(f"{name} /flows/", page))
            print(f"Stopped {name} after {await stop(base, key, runs):.1f} s", flush=True)


if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("flows", nargs="*", help="their slugs, or all for all together; without any, each and all")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    set_up()
    asyncio.run(measure(*prepared(), arguments.flows, arguments.seconds))
