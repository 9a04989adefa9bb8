"""What keys do over the API stands in the audit log; runs that are started together are counted together."""

import time

import pytest

from foundryflow.audit.rows import AuditRow
from foundryflow.models import ApiKey, AuditEntry
from tests.api.test_api import api, ask, server
from tests.engine.conftest import counting
from tests.factories import PLANTED_KEY, make_connection

__all__ = ["api", "counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)


def rows():
    return [AuditRow(entry, "") for entry in AuditEntry.objects.order_by("pk")]


def test_a_run_is_started_by_its_key_from_its_address(api):
    ask()
    run = api.post("/flows/ask/run", json={"inputs": {"question": PLANTED_KEY}}).json()["id"]
    [row] = rows()
    assert row.sentence == f"API · script started run {run} of Ask"
    assert row.place == f"key {ApiKey.objects.get().begins} · 127.0.0.1"
    assert PLANTED_KEY not in str(AuditEntry.objects.values())


def test_many_runs_of_one_flow_are_one_entry_and_those_of_another_another(api):
    ask()
    ask("Other")
    first = api.post("/flows/ask/submit", json={"inputs": {"question": "1"}}).json()["run"]
    for number in range(2, 6):
        api.post("/flows/ask/submit", json={"inputs": {"question": f"{number}"}})
    api.post("/flows/other/submit", json={"inputs": {"question": "x"}})
    assert rows()[0].sentence == f"API · script started run {first} of Ask, and 4 more"
    assert [row.entry.count for row in rows()] == [5, 1]


def test_an_equal_request_that_starts_nothing_is_not_counted(api):
    ask()
    for _ in range(3):
        api.post("/flows/ask/submit", json={"inputs": {"question": "x"}}, headers={"Idempotency-Key": "one"})
    api.post("/flows/ask/submit", json={"inputs": {}})  # refused
    assert [row.entry.count for row in rows()] == [1]


def test_stop_retry_and_test(api, counting):
    ask()
    make_connection("mine", endpoint="https://10.1.2.3/openai/v1")
    run = api.post("/flows/ask/submit", json={"inputs": {"question": "hold"}}).json()["run"]
    assert api.post(f"/runs/{run}/cancel").status_code == 202
    until = time.monotonic() + 10
    while api.get(f"/runs/{run}").json()["ended_at"] is None:
        assert time.monotonic() < until
    again = api.post(f"/runs/{run}/retry", json={}).json()["run"]
    api.post("/connections/mine/test", json={"model": "fast"})
    assert [row.sentence for row in rows()[1:]] == [
        f"API · script stopped run {run} of Ask",
        f"API · script retried as run {again} of Ask, from run {run}",
        "API · script tried to test mine: the destination 10.1.2.3 is not allowed",
    ]
    assert [row.entry.is_refused for row in rows()] == [False, False, False, True]
