"""What the OpenAPI document says is what the API does: schemathesis calls the real server with keys of every scope.

`FOUNDRYFLOW_THOROUGH=200 python -m pytest tests/api/test_described.py` tries that many examples of each call.
"""

from __future__ import annotations

import json
import os

import httpx
import pytest
from django.conf import settings

from flows.api import keys
from flows.api.reference import schema
from foundryflow.models import ApiKey, ApiScope
from tests.api.test_api import ask, server
from tests.engine.conftest import counting, start
from tests.factories import make_flow
from tests.processes import ran

__all__ = ["counting", "server", "start"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(580)]

EXAMPLES = int(os.environ.get("FOUNDRYFLOW_THOROUGH") or 0)
RUN = [
    *("-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", "--checks", "all", "--seed", "1"),
    *("--continue-on-failure", "--request-timeout", "30", "--warnings", "off"),
]
PROBLEMS = {400, 401, 403, 404, 405, 409, 413, 415, 422, 500, 503}


@pytest.fixture(autouse=True)
def worker(settings, start):
    """On PostgreSQL runs are executed by workers."""
    if settings.POSTGRESQL:
        start("worker")


@pytest.fixture
def given_key(alice, bob):
    """The text of a key of each kind."""

    def make(kind: str) -> str:
        keys.forget_keys()
        scopes = {"read": ["read"], "run": ["run"], "connections": ["connections"]}.get(kind, ApiScope.values)
        person = {"of a reader": bob, "of nobody": None}.get(kind, alice)
        key, text = ApiKey.objects.issue(kind, list(scopes), by=person)
        if kind == "revoked":
            key.revoke()
        if kind == "of somebody who left":
            alice.is_active = False
            alice.save()
        return text

    return make


# On PostgreSQL the suite is content with one kind and without the coverage of every schema.
KINDS = ["every scope"] if settings.POSTGRESQL else ["every scope", "read", "run"]
MORE = ["connections", "of a reader", "of nobody", "revoked", "of somebody who left", "none"] if EXAMPLES else []


@pytest.mark.parametrize("kind", [*KINDS, *MORE])
def test_schemathesis_finds_nothing(server, given_key, tmp_path, kind):
    make_flow({"format": "foundryflow/1", "name": "Plain", "inputs": [], "actions": []})
    ask()
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(schema()))
    phases = (
        "fuzzing"
        if kind != "every scope"
        else "fuzzing,stateful"
        if settings.POSTGRESQL
        else "coverage,fuzzing,stateful"
    )
    phases = "coverage,fuzzing,stateful" if EXAMPLES else phases
    arguments = [*RUN, str(document), "--url", server.url, "--phases", phases, "--max-examples", str(EXAMPLES or 2)]
    if kind != "none":
        arguments += ["--header", f"Authorization: Bearer {given_key(kind)}"]
    code, said = ran(arguments, 560)
    assert code == 0, said[-6_000:]
    assert "No issues found" in said


def test_the_document_names_every_status_its_shape_and_its_headers():
    for path, verbs in schema()["paths"].items():
        for method, operation in verbs.items():
            statuses = {int(status): response for status, response in operation["responses"].items()}
            wanted = PROBLEMS - {409} - (set() if "{" in path else {404})
            assert wanted <= set(statuses), (method, path)
            for status, response in statuses.items():
                kinds = set(response["content"])
                if status >= 400:
                    assert kinds == {"application/problem+json"}
                else:
                    assert kinds == {
                        "text/event-stream" if path.endswith(("/stream", "/events")) else "application/json"
                    }
            assert "Retry-After" in statuses[503]["headers"]
            assert "WWW-Authenticate" in statuses[401]["headers"]
            assert "Location" in statuses.get(202, {"headers": ["Location"]})["headers"]


CASES = [
    ("GET", "/flows", {"Host": "evil.example"}, None, 400),
    ("GET", "/flows", {"Host": "a b"}, None, 400),
    ("POST", "/flows/plain/run", {"Host": "evil.example"}, b"{}", 400),
    ("TRACE", "/flows", {}, None, 405),
    ("PUT", "/flows/plain/run", {}, None, 405),
    ("HEAD", "/runs/1", {}, None, 405),
    ("POST", "/flows/plain/run", {"Content-Type": "text/plain"}, b"{}", 415),
    ("POST", "/flows/plain/run", {"Content-Type": "application/json; charset=utf-16"}, b"{}", 200),
    ("POST", "/flows/plain/run", {}, b"", 422),
    ("POST", "/flows/plain/run", {}, b"[]", 422),
    ("POST", "/flows/plain/run", {}, b"null", 422),
    ("POST", "/flows/plain/run", {}, b"{", 400),
    ("POST", "/flows/plain/run", {}, b"\xff", 400),
    ("POST", "/flows/plain/run", {}, b'{"inputs": {}, "inputs": {}}', 200),
    ("POST", "/flows/plain/run", {}, b'{"inputs": "x"}', 422),
    ("POST", "/flows/plain/run", {}, b'{"inputs": {"a": ' + b"9" * 5_000 + b"}}", 422),
    ("POST", "/flows/plain/run", {}, b'{"inputs": ' + b"[" * 100_000, 422),
    ("POST", "/flows/plain/run", {"Idempotency-Key": "x" * 201}, b"{}", 422),
    ("POST", "/flows/plain/run", {"Idempotency-Key": ""}, b"{}", 422),
    ("POST", "/flows/plain/run?timeout=NaN", {}, b"{}", 422),
    ("POST", "/flows/plain/run?timeout=-1", {}, b"{}", 422),
    ("POST", "/flows/plain/run?timeout=1e400", {}, b"{}", 422),
    ("POST", "/flows/plain/run?timeout=1e300", {}, b"{}", 200),
    ("POST", "/flows/none/run", {}, b"{}", 404),
    ("POST", "/flows/%C2%B2/run", {}, b"{}", 404),
    ("GET", "/runs/99999999999999999999", {}, None, 404),
    ("GET", "/runs/9223372036854775807", {}, None, 404),
    ("GET", "/runs/abc", {}, None, 404),
    ("GET", "/runs/%C2%B2", {}, None, 404),
    ("POST", "/runs/99999999999999999999/cancel", {}, None, 404),
    ("POST", "/runs/9223372036854775807/retry", {}, b"{}", 404),
    ("GET", "/runs?before=9223372036854775807", {}, None, 200),
    ("GET", "/runs?before=9223372036854775808", {}, None, 422),
    ("GET", "/runs?before=-1", {}, None, 422),
    ("GET", "/runs?state=%FF", {}, None, 422),
    ("GET", "/runs?flow=a%00", {}, None, 422),
    ("GET", "/runs?unknown=1", {}, None, 200),
    ("GET", "/runs?" + "&".join(["a=1"] * 6_000), {}, None, 422),
    ("GET", "/runs/1/events", {"Last-Event-ID": "x"}, None, 422),
    ("POST", "/connections/%00/test", {}, b"{}", 404),
    ("POST", "/connections/none/test", {}, b'{"model": "' + b"x" * 201 + b'"}', 422),
]  # fmt: skip


def test_whatever_comes_has_its_answer(server, given_key):
    make_flow({"format": "foundryflow/1", "name": "Plain", "inputs": [], "actions": []})
    key = given_key("every scope")
    with httpx.Client(base_url=f"{server.url}/api", timeout=30) as client:
        for method, path, headers, content, status in CASES:
            sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers}
            answer = client.request(method, path, headers=sent, content=content)
            case = (method, path[:80], headers, (content or b"")[:40])
            assert answer.status_code == status, (case, answer.text)
            assert answer.headers["cache-control"] == "no-store", case
            assert answer.headers["x-content-type-options"] == "nosniff", case
            if status >= 400:
                assert answer.headers["content-type"] == "application/problem+json", case
                assert method == "HEAD" or (answer.json()["status"] == status and answer.json()["detail"]), case
            assert (status == 405) == ("allow" in answer.headers), case


VALUES = [
    "9" * 300,
    "-1e308",
    "5e-324",
    "[" * 190 + "]" * 190,
    r'"\ud83d\ude00\u202e\u0007"',
    '{"": {"a.b": []}}',
    "-0",
]


def test_what_the_document_allows_runs(server, given_key):
    make_flow(
        {
            "format": "foundryflow/1", "name": "Echo", "inputs": [{"name": "x", "type": "text"}, {"name": "n", "type": "number"}],
            "actions": [
                {"id": "l", "type": "log", "properties": {"message": "{{ inputs.x }}"}},
                {"id": "r", "type": "return", "properties": {"value": "{{ inputs.x }}"}},
            ],
        }
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {given_key('every scope')}", "Content-Type": "application/json"}
    for name, value in ((name, value) for name in ("x", "n") for value in VALUES):
        body = f'{{"inputs": {{"{name}": {value}}}}}'.encode()
        answer = httpx.post(f"{server.url}/api/flows/echo/run?timeout=20", headers=headers, content=body, timeout=30)
        assert answer.status_code in (200, 422), (name, value, answer.text)
        if answer.status_code == 200:
            assert answer.json()["state"] in ("succeeded", "failed")
            assert (answer.json()["error"] or {}).get("kind") != "internal"
            assert httpx.get(f"{server.url}/api/runs/{answer.json()['id']}", headers=headers).json() == answer.json()
