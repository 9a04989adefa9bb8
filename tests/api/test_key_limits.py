"""Expiry, revocation and limits to flows, on every call of the API; what is counted, and what the log says of it."""

from __future__ import annotations

import time
from datetime import timedelta

import httpx
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from flows.api import keys
from flows.models import Run
from foundryflow.models import ApiKey, ApiScope, AuditEntry
from tests.api.test_api import ask, server
from tests.engine.conftest import counting, until
from tests.engine.test_durable import returns
from tests.factories import make_connection, make_flow

__all__ = ["counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def call(server):
    with httpx.Client(base_url=f"{server.url}/api", timeout=30) as client:

        def send(method: str, path: str, key: str, body: dict | None = None) -> httpx.Response:
            headers = {"Authorization": f"Bearer {key}"}
            return client.request(method, path, headers=headers, json={} if method == "POST" and body is None else body)

        yield send


def issue(by: User | None = None, name: str = "portal", scopes=tuple(ApiScope.values), **given) -> tuple[ApiKey, str]:
    return ApiKey.objects.issue(name, list(scopes), by=by, **given)


def refusals() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(is_refused=True).order_by("pk"))


def plain(name: str):
    return make_flow({"format": "foundryflow/1", "name": name, "inputs": [], "actions": [returns("1")]})


def test_a_key_says_that_it_is_expired_although_it_is_remembered(call, alice):
    key, text = issue(alice, expires_at=timezone.now() + timedelta(seconds=1.5))
    assert call("GET", "/flows", text).status_code == 200
    assert any(known == key for _, known in keys._known.values())
    until(lambda: timezone.now() > key.expires_at)
    answer = call("GET", "/flows", text)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["detail"].startswith("The key portal expired on ")


def test_a_revoked_key_is_refused_within_three_seconds_and_says_so(call, alice):
    key, text = issue(alice)
    assert call("GET", "/flows", text).status_code == 200
    key.revoke()
    begun = time.monotonic()
    until(lambda: call("GET", "/flows", text).status_code == 401)
    assert time.monotonic() - begun < keys.FRESH + 1
    assert call("GET", "/flows", text).json()["detail"].startswith("The key portal was revoked on ")


def test_a_key_that_nobody_has_is_told_from_none(call, alice):
    issue(alice)
    assert "no such key" in call("GET", "/flows", "ffk_1_x").json()["detail"]
    assert call("GET", "/flows", "x").json()["detail"].startswith("Give a key")
    until(refusals)
    (entry,) = refusals()
    assert (entry.verb, entry.subject, entry.detail, entry.address) == (
        "tried to list",
        "flows",
        "unknown key",
        "127.0.0.1",
    )


def test_every_call_holds_to_the_flows_of_the_key(call, alice):
    mine, other = plain("Mine"), plain("Other")
    key, text = issue(alice, flow_ids=[mine.pk])
    _, every = issue(alice, "every")
    runs = {slug: call("POST", f"/flows/{slug}/run", every).json()["id"] for slug in ("mine", "other")}
    assert [flow["slug"] for flow in call("GET", "/flows", text).json()["flows"]] == ["mine"]
    assert [run["id"] for run in call("GET", "/runs", text).json()["runs"]] == [runs["mine"]]
    assert call("GET", "/runs?flow=other", text).json()["runs"] == []
    for verb in ("run", "submit", "stream"):
        assert call("POST", f"/flows/mine/{verb}", text).status_code in (200, 202)
        hidden, missing = call("POST", f"/flows/other/{verb}", text), call("POST", f"/flows/nowhere/{verb}", text)
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert hidden.text.replace("other", "nowhere") == missing.text
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/retry")):
        assert call(method, f"/runs/{runs['mine']}{path}", text).status_code in (200, 202, 409)
        hidden, missing = (call(method, f"/runs/{number}{path}", text) for number in (runs["other"], 10**9))
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert hidden.text.replace(str(runs["other"]), str(10**9)) == missing.text
    assert Run.objects.filter(flow=other).count() == 1
    ApiKey.objects.filter(pk=key.pk).update(flow_ids=[other.pk])
    keys.forget_keys()
    assert [flow["slug"] for flow in call("GET", "/flows", text).json()["flows"]] == ["other"]


def test_usage_is_that_of_the_flows_of_the_key(call, alice):
    ask()
    other = ask("Other")
    _, every = issue(alice, "every")
    for slug in ("ask", "other"):
        assert call("POST", f"/flows/{slug}/run", every, {"inputs": {"question": "x"}}).json()["state"] == "succeeded"
    _, text = issue(alice, flow_ids=[other.pk])
    assert call("GET", "/usage?group=flow", every).json()["total"]["calls"] == 2
    told = call("GET", "/usage?group=flow", text).json()
    assert (told["total"]["calls"], [row["name"] for row in told["rows"]]) == (1, ["Other"])
    assert sum(part["calls"] for part in told["parts"]) == 1
    assert call("GET", "/usage?flow=ask", text).json()["total"]["calls"] == 0


def test_a_limited_key_tests_the_connections_that_its_flows_name(call, alice):
    flow = ask()
    make_connection("elsewhere")
    _, text = issue(alice, flow_ids=[flow.pk])
    assert call("POST", "/connections/model/test", text, {"model": "m"}).json()["ok"]
    assert call("POST", "/connections/elsewhere/test", text, {"model": "m"}).status_code == 404
    until(refusals)
    assert refusals()[0].detail.endswith("has no flow that names this connection")


def test_a_key_whose_flows_are_gone_may_nothing(call, alice):
    flow, other = plain("Mine"), plain("Other")
    _, text = issue(alice, flow_ids=[flow.pk])
    run = call("POST", "/flows/mine/run", text).json()["id"]
    flow.remove()
    assert call("GET", "/flows", text).json()["flows"] == []
    assert call("GET", "/runs", text).json()["runs"] == []
    assert call("GET", f"/runs/{run}", text).status_code == 404
    assert call("POST", f"/flows/{other.slug}/run", text).status_code == 404
    assert call("GET", "/usage", text).json()["total"]["calls"] == 0


def test_what_a_flow_of_the_key_starts_runs_and_is_not_there_for_the_key(call, alice):
    inner = plain("Inner")
    sub = {"id": "sub", "type": "run_flow", "properties": {"flow": inner.slug}}
    outer = make_flow({"format": "foundryflow/1", "name": "Outer", "inputs": [], "actions": [sub]})
    _, text = issue(alice, flow_ids=[outer.pk])
    run = call("POST", "/flows/outer/run", text).json()
    assert run["state"] == "succeeded"
    child = Run.objects.get(parent=run["id"])
    assert child.flow == inner
    assert call("GET", f"/runs/{child.pk}", text).status_code == 404
    assert [each["id"] for each in call("GET", "/runs", text).json()["runs"]] == [run["id"]]


def test_the_limit_follows_a_flow_that_is_renamed(call, alice):
    flow = plain("Mine")
    _, text = issue(alice, flow_ids=[flow.pk])
    type(flow).objects.filter(pk=flow.pk).update(name="New", slug="new")
    assert call("POST", "/flows/new/run", text).json()["state"] == "succeeded"


def test_calls_are_counted_without_a_write_for_each(call, alice):
    key, text = issue(alice)
    for _ in range(20):
        assert call("GET", "/flows", text).status_code == 200
    until(lambda: ApiKey.objects.get(pk=key.pk).calls == 20)
    found = ApiKey.objects.get(pk=key.pk)
    assert (found.calls_today(), found.is_last_use_refused) == (20, False)
    assert timezone.now() - found.last_used_at < timedelta(minutes=1)
    ApiKey.objects.filter(pk=key.pk).update(calls_on=timezone.localdate() - timedelta(days=1))
    assert ApiKey.objects.get(pk=key.pk).calls_today() == 0
    call("GET", "/flows", text)
    until(lambda: ApiKey.objects.get(pk=key.pk).calls == 1)


def test_a_refused_call_is_seen_at_the_key(call, alice):
    key, text = issue(alice, scopes=["usage"])
    assert call("GET", "/flows", text).status_code == 403
    until(lambda: ApiKey.objects.get(pk=key.pk).is_last_use_refused)


def test_the_same_refusal_is_one_entry_a_minute_with_its_count(call, alice):
    flow = plain("Mine")
    key, text = issue(alice, scopes=["read"])
    for _ in range(7):
        assert call("POST", "/flows/mine/run", text).status_code == 403
    until(lambda: sum(entry.count for entry in refusals()) == 7)
    (entry,) = refusals()
    assert (entry.actor, entry.by, entry.via) == ("API · portal", alice, "api")
    assert (entry.verb, entry.kind, entry.subject, entry.subject_id) == (
        "tried to start a run of",
        "flow",
        "Mine",
        flow.pk,
    )
    assert entry.detail == f"key {key.begins} lacks “run”"
    assert text not in str(vars(entry))
    call("GET", "/usage", text)
    until(lambda: len(refusals()) == 2)
    assert refusals()[1].detail == f"key {key.begins} lacks “read usage”"


def test_a_flow_that_is_not_there_for_any_key_is_no_refusal(call, alice):
    mine, _ = plain("Mine"), plain("Other")
    _, text = issue(alice, flow_ids=[mine.pk])
    call("POST", "/flows/nowhere/run", text)
    call("GET", "/runs/1000000", text)
    call("POST", "/flows/other/run", text)
    until(refusals)
    assert [(entry.subject, entry.detail[-20:]) for entry in refusals()] == [("Other", "is not for this flow")]


def test_refusals_of_different_calls_are_entries_of_their_own(call, alice):
    plain("Mine")
    _, text = issue(alice, scopes=["usage"])
    for method, path in (("GET", "/flows"), ("GET", "/runs"), ("GET", "/flows"), ("GET", "/runs/1")):
        assert call(method, path, text).status_code == 403
    until(lambda: sum(entry.count for entry in refusals()) == 4)
    assert sorted((f"{entry.verb} {entry.subject}", entry.count) for entry in refusals()) == [
        ("tried to list flows", 2),
        ("tried to list runs", 1),
        ("tried to read run 1", 1),
    ]
