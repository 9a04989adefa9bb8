"""The audit log with a million entries: seeds them in the database itself, then asks a real server over one connection.

Some filters find much, some nothing, or only the oldest entries.

python -m benchmarks.audit [--postgres] [--entries 1000000]
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import time
from argparse import ArgumentParser
from urllib.parse import urlencode

from benchmarks.api import installation
from benchmarks.million import GOAL, SHOWN, Visitor, execute
from benchmarks.stage import set_up

LIST, COMBINATIONS, PAGES = "/audit-log/", 150, 4
FILTERS = {
    "who": ("", "ann", "old", "never", "api", "command", "server"),
    "what": ("", "flow", "run", "budget", "batch"),
    "outcome": ("", "done", "refused"),
    "period": ("", "today", "30d"),
    "to": ("", "", "2020-01-01"),
    "q": ("", "Condense", "10.0.0.7", "nothing", "person 499"),
}


def seed(entries: int, people: dict[str, int]) -> None:
    """All rows by one statement; the oldest five hundred are of the person `old`."""
    from django.db import connection

    postgres = connection.vendor == "postgresql"
    for setting in () if postgres else ("cache_size = -500000", "synchronous = OFF"):
        execute(f"PRAGMA {setting}")
    data = """CAST('{"revision": 14}' AS jsonb)""" if postgres else """'{"revision": 14}'"""
    age = f"({entries} - i) * 31536000.0 / {entries}"
    ago = (
        f"now() - make_interval(secs => ({age})::double precision)"
        if postgres
        else f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ({age}) || ' seconds')"
    )
    yes, no = ("true", "false") if postgres else ("1", "0")
    execute(
        f"""
        INSERT INTO foundryflow_auditentry (at, first_at, by_id, actor, via, address, source, verb, kind, subject,
            subject_id, detail, is_refused, count, "group", data)
        WITH RECURSIVE n (i) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < {entries})
        SELECT {ago}, {ago}, CASE WHEN i <= 500 THEN {people["old"]} WHEN i % 3 = 0 THEN {people["ann"]} END,
            'person ' || (i % 500), CASE WHEN i % 5000 = 0 THEN 'command' WHEN i % 4 = 0 THEN 'api' ELSE 'browser' END,
            '10.0.0.' || (i % 250), '', 'changed',
            CASE WHEN i % 20000 = 0 THEN 'budget' WHEN i % 4 = 0 THEN 'run' WHEN i % 2 = 0 THEN 'connection'
                ELSE 'flow' END,
            'Answer a customer ' || (i % 1000), i % 1000, ': model of Condense, r' || i,
            CASE WHEN i % 997 = 0 THEN {yes} ELSE {no} END, 1, CASE WHEN i % 2 = 0 THEN 'group ' || i END, {data}
        FROM n
        """
    )
    if postgres:  # does so by itself after a while; SQLite never does
        execute("ANALYZE")


def walk(visitor: Visitor, people: dict[str, int]) -> list[tuple[float, int, str]]:
    """Each filter alone, many together, and the way to older pages."""
    combinations = [dict(zip(FILTERS, values, strict=True)) for values in itertools.product(*FILTERS.values())]
    chosen = random.Random(1).sample(combinations, COMBINATIONS)
    chosen = [{name: value} for name, values in FILTERS.items() for value in values if value] + chosen
    found = []
    for filters in chosen:
        given = {name: str(people.get(value, value)) for name, value in filters.items() if value}
        address = f"{LIST}?{urlencode(given)}"
        for _ in range(PAGES if len(given) < 2 else 1):
            took, status, page = visitor.best(address)
            found.append((took, status, address))
            older = re.search(r'href="([^"]*before=[^"]*)" rel="next"', page)
            if older is None:
                break
            address = older[1].replace("&amp;", "&")
    return sorted(found, reverse=True)


async def measure(postgres: bool, people: dict[str, int]) -> None:
    from asgiref.sync import sync_to_async

    async with installation(1, 0, "") as (address, _):
        found = await sync_to_async(lambda: walk(Visitor(address), people))()
    print(f"{'PostgreSQL' if postgres else 'SQLite'}: {len(found)} pages, goal {GOAL} ms")
    for took, status, path in found[:SHOWN]:
        print(f"{took:8.1f} ms  {status}  {path}")
    over = sum(took > GOAL for took, _, _ in found)
    broken = [path for _, status, path in found if status != 200]
    print(f"over the goal: {over}; median {found[len(found) // 2][0]:.1f} ms; broken: {broken}")


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--entries", type=int, default=1_000_000)
    given = parser.parse_args()
    set_up(postgres=given.postgres)
    from django.contrib.auth.models import User

    User.objects.create_superuser("bench", password="benchmark")
    people = {name: User.objects.create_user(name).pk for name in ("ann", "old", "never")}
    began = time.perf_counter()
    seed(given.entries, people)
    print(f"{given.entries:,} entries seeded in {time.perf_counter() - began:.0f} s")
    asyncio.run(measure(given.postgres, people))


if __name__ == "__main__":
    main()
