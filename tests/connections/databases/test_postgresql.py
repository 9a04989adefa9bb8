"""Queries on a real PostgreSQL: what comes back, what is refused, and that nothing is loaded beyond a limit."""

import asyncio
import resource

import pytest

from connections.databases.client import DatabaseClient
from connections.databases.query import DatabaseQuery
from connections.foundry.destinations import Destinations
from connections.kinds.address import DataAddress
from connections.kinds.base import DataSourceError
from connections.secret import Secret
from tests.connections.databases.conftest import PASSWORD


async def failure(client, target, query):
    with pytest.raises(DataSourceError) as failed:
        await client.query(target, query)
    error = failed.value
    assert PASSWORD not in f"{error} {error.hint} {error.raw}"
    return error


async def test_rows_come_as_values_that_json_knows(client, postgres):
    sql = (
        "SELECT id, name, paid, since, ARRAY[1, 2] AS list, '{\"a\": [1]}'::jsonb AS json FROM customers WHERE id = :id"
    )
    found = await client.query(postgres.target(), DatabaseQuery(sql, {"id": 1}))

    assert found.columns == ("id", "name", "paid", "since", "list", "json")
    assert found.rows == [(1, "Ada", 12.5, "2026-01-02T03:04:05+00:00", [1, 2], {"a": [1]})]


@pytest.mark.parametrize(
    "value", ["'; DROP TABLE customers; --", "Ada", None, 5, 2.5, True, ["Ada"], {"a": 1}, Secret("x")]
)
async def test_a_parameter_is_a_value_whatever_it_looks_like(client, postgres, value):
    sql = "SELECT count(*) AS all, (SELECT count(*) FROM customers WHERE name = :name::text) AS found FROM customers"
    found = await client.query(postgres.target(), DatabaseQuery(sql, {"name": value}))
    assert found.rows == [(2, 1 if value == "Ada" else 0)]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM customers",
        "CREATE TEMP TABLE x (a int)",
        "SELECT 1 FROM customers FOR UPDATE",
        "SET TRANSACTION READ WRITE",
    ],
)
async def test_nothing_is_changed_unless_allowed(client, postgres, sql):
    assert (await failure(client, postgres.target(), DatabaseQuery(sql))).kind in ("not_allowed", "query")
    assert (await client.query(postgres.target(), DatabaseQuery("SELECT count(*) AS n FROM customers"))).rows == [(2,)]


async def test_two_statements_are_none(client, postgres):
    error = await failure(client, postgres.target(), DatabaseQuery("COMMIT; DELETE FROM customers", may_change=True))
    assert error.sqlstate == "42601"


async def test_changes_are_counted_and_kept_where_they_are_allowed(client, postgres):
    target = postgres.target()
    changed = await client.query(target, DatabaseQuery("UPDATE customers SET paid = paid", may_change=True))
    assert (changed.columns, changed.changed) == (None, 2)
    sql = "INSERT INTO customers (id) VALUES (:id) RETURNING id"
    assert (await client.query(target, DatabaseQuery(sql, {"id": 9}, may_change=True))).rows == [(9,)]
    gone = await client.query(target, DatabaseQuery("DELETE FROM customers WHERE id = 9", may_change=True))
    assert gone.changed == 1


async def test_one_query_leaves_nothing_to_the_next(client, postgres):
    target = postgres.target()
    await client.query(target, DatabaseQuery("SELECT pg_advisory_lock(5) AS l, set_config('x.y', 'z', false) AS c"))
    sql = "SELECT current_setting('x.y', true) AS setting, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks"
    found = await client.query(target, DatabaseQuery(sql))
    assert found.rows[0][0] in (None, "")
    assert found.rows[0][1] == 0


@pytest.mark.parametrize(
    ("sql", "kind", "state", "words"),
    [
        ("SELECT nope FROM customers", "query", "42703", 'column "nope" does not exist'),
        ("SELECT FROM WHERE", "query", "42601", "syntax error"),
        ("SELECT 1/0 AS a", "query", "22012", "division by zero"),
        ("SELECT 1 AS a, 2 AS a", "column", "", "Two columns of the result are called a"),
        ("SELECT :a AS x", "query", "", "parameter a, which has no value"),
        ("SELECT pg_sleep(60) AS s", "timeout", "", "did not end within 0.5 s"),
    ],
)
async def test_what_is_wrong_is_named(client, postgres, sql, kind, state, words):
    error = await failure(client, postgres.target(), DatabaseQuery(sql, timeout=0.5))
    assert (error.kind, error.sqlstate) == (kind, state)
    assert words in error.message
    assert (await client.query(postgres.target(), DatabaseQuery("SELECT 1 AS a"))).rows == [(1,)]


async def test_ten_million_rows_stop_at_the_limit(client, postgres):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sql = "SELECT i, repeat('x', 100) AS filler FROM generate_series(1, 10000000) AS i"
    error = await failure(client, postgres.target(), DatabaseQuery(sql, most_rows=1_000))

    assert error.kind == "too_many_rows"
    assert "more than 1,000 rows" in error.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB
    assert (
        await failure(client, postgres.target(), DatabaseQuery(sql, most_rows=10_000, most_bytes=50_000))
    ).kind == "too_large"


async def test_a_cancellation_cancels_the_statement_at_the_server(client, postgres):
    marker = "SELECT pg_sleep(61) AS s"
    task = asyncio.create_task(client.query(postgres.target(), DatabaseQuery(marker, timeout=60)))
    count = DatabaseQuery(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE state = 'active' AND query = :q", {"q": marker}
    )
    while (await client.query(postgres.target(), count)).rows != [(1,)]:
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await client.query(postgres.target(), count)).rows == [(0,)]


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({"password": Secret("wrong-password-000")}, "sign_in", "password authentication failed"),
        ({"user": "nobody"}, "sign_in", "does not exist"),
        ({"address": "nope"}, "sign_in", 'database "nope" does not exist'),
        ({"address": "unverified"}, "tls", "SSL"),
        ({"address": 1}, "unreachable", "127.0.0.1:1"),
    ],
)
async def test_a_sign_in_that_fails_says_why_without_the_password(client, postgres, changed, kind, words):
    address = postgres.target().address
    found = changed.get("address")
    if found is not None:
        changed = {
            "address": DataAddress(
                "postgresql",
                "127.0.0.1",
                found if isinstance(found, int) else address.port,
                found if found == "nope" else "postgres",
                found if found == "unverified" else "plain",
            )
        }
    check = await client.sign_in(postgres.target(**changed))
    assert (check.ok, check.kind) == (False, kind)
    assert words in check.sentence
    assert PASSWORD not in check.sentence
    assert "wrong-password" not in check.sentence


async def test_a_sign_in_that_works_says_so(client, postgres):
    check = await client.sign_in(postgres.target())
    assert check.ok, check.sentence
    assert "answered as PostgreSQL" in check.sentence


async def test_a_private_address_is_refused_before_anything_is_sent(postgres):
    strict = DatabaseClient(Destinations())
    check = await strict.sign_in(postgres.target())
    assert (check.ok, check.kind) == (False, "blocked_destination")
    assert "FOUNDRYFLOW_ALLOWED_DESTINATIONS" in check.sentence
    await strict.aclose()


async def test_connections_are_kept_bounded_and_of_one_target_only(client, postgres):
    target, other = postgres.target(), postgres.target(name="other")
    pid = DatabaseQuery("SELECT pg_backend_pid() AS pid, pg_sleep(0.05) AS s")
    many = await asyncio.gather(*(client.query(target, pid) for _ in range(20)))
    pids = {found.rows[0][0] for found in many}
    assert len(pids) <= 5
    assert (await client.query(other, pid)).rows[0][0] not in pids
    assert (await client.query(target, pid)).rows[0][0] in pids
