"""Every call of the API x every key: what its scopes allow, and what its person sees on the pages."""

from __future__ import annotations

import json

import httpx
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from flows.api import keys
from flows.api.reference import schema
from flows.models import Flow, Room, Run
from flows.playground.models import Session
from foundryflow.accounts import give_role
from foundryflow.models import ApiKey, ApiScope, AuditEntry
from foundryflow.roles import Role
from tests.api.test_api import ask, server
from tests.engine.conftest import counting
from tests.factories import make_flow
from tests.playground.session_factory import make_answer, make_run, make_session, make_turn

__all__ = ["counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)

# The scope that each call asks for.
ROOMS = {
    ("get", "/api/flows"): "read",
    ("post", "/api/flows/{slug}/run"): "run",
    ("post", "/api/flows/{slug}/submit"): "run",
    ("post", "/api/flows/{slug}/stream"): "run",
    ("get", "/api/runs"): "read",
    ("get", "/api/usage"): "usage",
    ("get", "/api/runs/{run_id}"): "read",
    ("get", "/api/runs/{run_id}/events"): "read",
    ("post", "/api/runs/{run_id}/cancel"): "run",
    ("post", "/api/runs/{run_id}/retry"): "run",
    ("post", "/api/connections/{name}/test"): "connections",
}


@pytest.fixture
def call(server, monkeypatch):
    """A call with the text of a key; keys are looked up anew each time."""
    monkeypatch.setattr(keys, "FRESH", 0.0)
    with httpx.Client(base_url=server.url, timeout=30) as client:

        def send(method: str, path: str, key: str | None, body: dict | None = None) -> httpx.Response:
            headers = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
            return client.request(method, path, headers=headers, json={} if method == "post" and body is None else body)

        yield send


@pytest.fixture
def carol(db):
    """Another editor."""
    return User.objects.create_user("carol", "carol@example.com", "one more long password", is_staff=True)


def key_of(person: User | None, *scopes: str) -> str:
    name = f"{person} {' '.join(scopes)} {ApiKey.objects.count()}"
    return ApiKey.objects.issue(name, list(scopes or ApiScope.values), by=person)[1]


def test_every_call_asks_for_a_scope_that_is_written_down_here():
    said = {
        (method, path): operation["security"]
        for path, verbs in schema()["paths"].items()
        for method, operation in verbs.items()
    }
    assert said == {call: [{"key": [scope]}] for call, scope in ROOMS.items()}


def test_a_key_opens_the_rooms_of_its_scopes_and_no_other(call, alice, bob):
    ask()
    revoked = key_of(alice)
    ApiKey.objects.order_by("pk").last().revoke()
    strangers = [None, "x", revoked, "ffk_1_x", f"ffk_{'9' * 30}_x", "ffk_²_x", revoked[:-1], "é"]
    for (method, path), wanted in ROOMS.items():
        address = path.format(slug="ask", run_id=1, name="x")
        for stranger in strangers:
            answer = call(method, address, stranger)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), (path, stranger)
        for scopes in (["read"], ["run"], ["usage"], ["connections"], ["read", "connections"], []):
            key = ApiKey.objects.issue(f"{path} {scopes}", scopes, by=alice)[1]
            assert (call(method, address, key).status_code != 403) is (wanted in scopes), (path, scopes)
        # On the pages a reader starts nothing and stops nothing either.
        assert (call(method, address, key_of(bob, *ApiScope.values)).status_code == 403) is (
            wanted in ("run", "connections")
        ), path


def private_runs(alice: User) -> list[Run]:
    session = make_session(alice, "Mine")
    run = make_run(session, make_answer(make_turn(session)))
    batch_flow = Flow.objects.create(name="b", slug="batch-b", room=Room.BATCH)
    batch_flow.head = batch_flow.revisions.create(number=1, document=run.revision.document)
    batch_flow.save()
    alice.batches.create(name="B", flow=batch_flow, variants=[], columns=[], concurrency=1)
    other = Run.objects.start(flow=batch_flow, inputs={}, by=alice, via="batch")
    Run.objects.update(state="succeeded", ended_at=timezone.now())
    return [run, other]


def test_a_key_sees_the_private_runs_of_its_own_person_alone(call, alice, carol):
    ask()
    started = call("post", "/api/flows/ask/run", key_of(alice), {"inputs": {"question": "x"}}).json()["id"]
    hidden = [run.pk for run in private_runs(alice)]

    def seen(key):
        return {run["id"] for run in call("get", "/api/runs", key).json()["runs"]}

    def answered(key, run):
        return {
            (method, path): call(method, path.format(run_id=run), key)
            for method, path in ROOMS
            if "{run_id}" in path and not (path.endswith("/retry") and key == owner)
        }

    owner, stranger, nobody = key_of(alice), key_of(carol), key_of(None)
    assert seen(owner) == {started, *hidden}
    for key in (stranger, nobody):
        assert seen(key) == {started}
        for run in hidden:
            missing = answered(key, 10**9)
            for room, answer in answered(key, run).items():
                told = json.loads(answer.text.replace(str(run), str(10**9)))
                assert (answer.status_code, told) == (404, missing[room].json()), room
    for run in hidden:
        assert {answer.status_code for answer in answered(owner, run).values()} <= {200, 409}
    Session.objects.update(shared=True)
    assert seen(stranger) == seen(nobody) == {started, hidden[0]}


def test_a_key_goes_as_far_as_its_person(call, carol):
    ask()
    key = key_of(carol)
    assert call("get", "/api/flows", key).status_code == 200
    give_role(carol, Role.READER, by=None)
    assert call("get", "/api/flows", key).status_code == 200
    refused = call("post", "/api/flows/ask/submit", key, {"inputs": {"question": "x"}})
    assert (refused.status_code, "may only read" in refused.json()["detail"]) == (403, True)
    User.objects.filter(pk=carol.pk).update(is_active=False)
    assert call("get", "/api/flows", key).status_code == 401
    User.objects.filter(pk=carol.pk).update(is_active=True)
    assert call("get", "/api/flows", key).status_code == 200
    carol.delete()
    assert call("get", "/api/flows", key).status_code == 401
    assert not Run.objects.exists()


def test_an_idempotency_key_is_of_one_key(call, alice, carol):
    make_flow({"format": "foundryflow/1", "name": "Plain", "inputs": [], "actions": []})
    runs = set()
    with httpx.Client() as client:
        base = call("get", "/api/flows", None).request.url.copy_with(path="/api/flows/plain/submit")
        for key in (key_of(alice), key_of(carol), key_of(None)):
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one"}
            for _ in range(2):
                runs.add(client.post(base, headers=headers, json={}).json()["run"])
    assert len(runs) == 3


def test_the_command_says_whose_a_key_is(alice, capsys):
    call_command("apikey", "create", "robot", "--scope", "run", "--person", "alice")
    key = ApiKey.objects.find(capsys.readouterr().out.strip())
    assert key is not None
    assert key.created_by == alice
    call_command("apikey", "create", "free", "--scope", "run")
    call_command("apikey", "list")
    said = capsys.readouterr().out
    assert "robot  read,run  of alice" in said
    assert "free  read,run  of nobody" in said
    with pytest.raises(CommandError, match="nobody called 'zoe'"):
        call_command("apikey", "create", "other", "--person", "zoe")


def test_the_command_limits_a_key_to_flows_and_days(alice, capsys):
    flow = ask()
    call_command("apikey", "create", "robot", "--scope", "usage", "--flow", "ask", "--expires", "90")
    key = ApiKey.objects.find(capsys.readouterr().out.strip())
    assert (key.scopes, key.flow_ids) == (["usage"], [flow.pk])
    assert (timezone.localdate(key.expires_at) - timezone.localdate()).days == 90
    call_command("apikey", "list")
    assert (
        f"robot  usage  of nobody  flows: ask  never used  expires {key.expires_at:%Y-%m-%d}" in capsys.readouterr().out
    )
    with pytest.raises(CommandError, match="no flow 'nowhere'"):
        call_command("apikey", "create", "other", "--flow", "nowhere")
    for wrong, words in (("soon", "number of days"), ("0", "after today"), ("2020-01-01", "after today")):
        with pytest.raises(CommandError, match=words):
            call_command("apikey", "create", "other", "--expires", wrong)
    with pytest.raises(CommandError, match="There is a key 'robot'"):
        call_command("apikey", "create", "robot")
    call_command("apikey", "revoke", "robot")
    call_command("apikey", "create", "robot")
    said = [(entry.verb, entry.subject, entry.actor) for entry in AuditEntry.objects.order_by("pk")]
    assert [each[:2] for each in said] == [(f"{verb} API key", "robot") for verb in ("created", "revoked", "created")]
    assert all(each[2].startswith("Command line · ") for each in said)


def test_a_program_reads_the_openapi_document_with_its_key(call, alice):
    for key, status in (
        (key_of(alice, "read"), 200),
        (key_of(None, "connections"), 200),
        (None, 401),
        ("ffk_1_x", 401),
    ):
        answer = call("get", "/api/openapi.json", key)
        assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
    assert call("get", "/api/docs", key_of(alice)).status_code == 302
