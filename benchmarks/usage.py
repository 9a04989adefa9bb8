"""The page of usage over a million rows of hours: seeds them, then asks a real server over one connection.

A year of calls of a thousand customers over three connections, four deployments and twenty flows.

python -m benchmarks.usage [--postgres] [--rows 1000000]
"""

from __future__ import annotations

import asyncio
import http.client
import statistics
import time
from argparse import ArgumentParser
from urllib.parse import urlsplit

from benchmarks.api import installation
from benchmarks.runs import flow_of
from benchmarks.stage import set_up

GOAL = 300  # ms
CUSTOMERS, FLOWS, TIMES, HOURS = 1_000, 20, 5, 365 * 24
CONNECTIONS, DEPLOYMENTS = ("contoso-ai", "contoso-west", "fabrikam"), ("gpt-4o", "gpt-4o-mini", "o4-mini", "phi-4")
PAGES = (
    "",
    "period=today",
    "period=7d",
    "period=7d&step=hours",
    "period=30d",
    "period=last-month",
    "period=30d&group=flow",
    "period=30d&connection=contoso-ai",
    "period=30d&customer=Customer+17&group=deployment",
    "period=30d&deployment=gpt-4o&flow=flow-3",
    "period=30d&view=table&measure=cost",
    "from=2025-12-01&to=2026-11-30",
    "from=2025-12-15&to=2026-11-15&connection=fabrikam&group=flow",
    "connection=nothing",
)


def seed(rows: int) -> None:
    """Hours of a year, in each other series; days and months as they are counted anew."""
    from django.db import connection, transaction
    from django.utils import timezone

    from flows.models.usage import COLUMNS, SeriesKey, Span, hour_of, store_series, sum_hours

    flows = [flow_of(1, "none").pk for _ in range(FLOWS)]
    keys = [
        SeriesKey(flows[number % FLOWS], CONNECTIONS[number % 3], f"Customer {number}", DEPLOYMENTS[which], "", "USD")
        for number in range(CUSTOMERS)
        for which in (number % 4, (number + 1) % 4)
    ]
    keys += [key._replace(error="rate_limit") for key in keys[::20]]
    last, hourly = hour_of(timezone.now()), rows // HOURS + 1
    with transaction.atomic(), connection.cursor() as cursor:
        store_series(keys)
        cursor.execute("CREATE TEMPORARY TABLE seeded (number integer PRIMARY KEY, id bigint)")
        cursor.executemany("INSERT INTO seeded VALUES (%s, %s)", [(at, key.number) for at, key in enumerate(keys)])
        tokens = "(100 + MOD(hour * 31 + one * 57, 8900))"
        cursor.execute(
            f"WITH RECURSIVE hours(hour) AS"
            f" (SELECT {last - HOURS} UNION ALL SELECT hour + 1 FROM hours WHERE hour < {last}),"
            f" ones(one) AS (SELECT 0 UNION ALL SELECT one + 1 FROM ones WHERE one < {hourly - 1})"
            f" INSERT INTO flows_usagefigures ({COLUMNS}) SELECT 1, hour, seeded.id, 0, 3, {tokens}, {tokens} / 3,"
            f" {tokens} / 5, 0, 0, 0, 5700, {tokens} * 1500 FROM hours CROSS JOIN ones"
            f" JOIN seeded ON seeded.number = MOD(hour * 131 + one * 17, {len(keys)})"
        )
        sum_hours()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        for span in Span:
            cursor.execute("SELECT COUNT(*) FROM flows_usagefigures WHERE span = %s", [int(span)])
            print(f"{cursor.fetchone()[0]:,} rows of {span.name.lower()}s")


def signed_in() -> str:
    """The cookie of a session."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User

    user = User.objects.create_superuser("bench", "bench@example.com", "a long enough password")
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


async def measure(cookie: str, key: str) -> None:
    async with installation(1, 0, "127.0.0.1:1") as (address, _):
        await asyncio.to_thread(ask_all, address, cookie, key)


def ask_all(address: str, cookie: str, key: str) -> None:
    slow = 0
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    headers = {"Cookie": cookie, "Authorization": f"Bearer {key}"}
    for path in [f"/usage/?{query}" for query in PAGES] + ["/api/usage?period=30d", "/usage/csv/?period=7d"]:
        times = []
        for _ in range(TIMES):
            started = time.perf_counter()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            times.append((time.perf_counter() - started) * 1000)
            assert answer.status == 200, (path, answer.status, body[:500])
        median = statistics.median(times)
        slow += median > GOAL
        print(f"{median:6.0f} ms  {max(times):6.0f} at most  {path}")
    print(f"{slow} above {GOAL} ms")


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    set_up(postgres=options.postgres)

    from foundryflow.models import ApiKey

    seed(options.rows)
    _, key = ApiKey.objects.issue("benchmark", ["usage"], by=None)
    asyncio.run(measure(signed_in(), key))


if __name__ == "__main__":
    main()
