"""The HTTP API as a program uses it, over the real server with its engine."""

import json
import threading
import time
from decimal import Decimal

import httpx
import pytest
from django.core.management import call_command

from flows.api import keys, serialize
from flows.engine import embedded
from flows.engine.live import hub
from flows.models import Revision, Run, State
from flows.models.flow import parsed_revisions
from flows.pricing.models import ModelPrice
from foundryflow.asgi import application
from foundryflow.models import ApiKey, ApiScope
from tests.conftest import Server
from tests.engine.conftest import counting, until
from tests.engine.test_durable import chat, document, returns
from tests.factories import PLANTED_KEY, make_flow

__all__ = ["counting"]
pytestmark = pytest.mark.django_db(transaction=True)

JSON, PROBLEM = {"Content-Type": "application/json"}, "application/problem+json"
QUESTION = [{"name": "question", "type": "text", "required": True}]


@pytest.fixture
def server(counting):
    keys.forget_keys()
    with Server(application, lifespan="on") as running:
        yield running


@pytest.fixture
def api(server):
    _, text = ApiKey.objects.issue("script", list(ApiScope.values), by=None)
    with httpx.Client(base_url=f"{server.url}/api", headers={"Authorization": f"Bearer {text}"}, timeout=30) as client:
        yield client


def ask(name="Ask", prompt="{{ question }}", inputs=QUESTION):
    return make_flow({**document(chat("a", prompt), returns("{{ a }}"), inputs=inputs), "name": name})


def test_run_waits_and_gives_the_whole_run(api):
    ask()
    answer = api.post("/flows/ask/run", json={"inputs": {"question": "Why?"}})
    assert answer.status_code == 200
    run = answer.json()
    assert (run["state"], run["output"], run["flow"], run["error"]) == ("succeeded", "<Why?>", "ask", None)
    assert [(a["path"], a["state"]) for a in run["actions"]] == [("a", "succeeded"), ("ret", "succeeded")]
    assert run["usage"] == {"prompt_tokens": 3, "completion_tokens": 4}
    assert api.get(f"/runs/{run['id']}").json() == run
    assert "x-frame-options" not in answer.headers  # the short way
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_flow_that_cannot_be_read_is_listed_but_not_run(api):
    flow = ask()
    Revision.objects.update(document=[])
    parsed_revisions.clear()
    assert [(each["slug"], each["inputs"]) for each in api.get("/flows").json()["flows"]] == [(flow.slug, [])]
    answer = api.post(f"/flows/{flow.slug}/run", json={"inputs": {}})
    assert (answer.status_code, answer.json()["detail"]) == (422, "The flow cannot be read.")


def test_submit_answers_at_once_and_tells_where_to_look(api, counting):
    ask()
    answer = api.post("/flows/ask/submit", json={"inputs": {"question": "hold"}})
    assert answer.status_code == 202
    told = answer.json()
    assert answer.headers["location"] == told["url"] == f"/api/runs/{told['run']}"
    until(lambda: counting.count("hold"))
    assert api.get(f"/runs/{told['run']}").json()["state"] == "running"
    counting.release()
    until(lambda: api.get(f"/runs/{told['run']}").json()["state"] == "succeeded")


def test_a_run_that_takes_longer_than_the_caller_waits_goes_on(api, counting):
    ask()
    answer = api.post("/flows/ask/run?timeout=0.2", json={"inputs": {"question": "hold"}})
    assert (answer.status_code, set(answer.json())) == (202, {"run", "url"})
    counting.release()
    until(lambda: Run.objects.get().state == State.SUCCEEDED)


def test_a_run_that_its_process_lets_go_of_is_not_told_as_ended(api, server, counting):
    ask()
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(api.post("/flows/ask/run", json={"inputs": {"question": "hold"}}))
    )
    waiting.start()
    until(lambda: counting.count("hold"))
    embedded._executor.loop.call_soon_threadsafe(hub.publish_end, Run.objects.get().pk)
    waiting.join(30)
    assert answers[0].status_code == 202
    counting.release()
    until(lambda: Run.objects.get().state == State.SUCCEEDED)


def test_stream_follows_the_run_from_start_to_end(api):
    ask()
    with api.stream("POST", "/flows/ask/stream", json={"inputs": {"question": "speak 0.3"}}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        events = read(answer)
    names = [name for name, _ in events]
    assert (names[0], names[-1]) == ("run", "end")
    assert "".join(data["text"] for name, data in events if name == "text").startswith("Well, ")
    assert events[-1][1]["output"] == "Well, <speak 0.3>"
    assert {data["state"] for name, data in events if name == "action"} >= {"running", "succeeded"}


def test_a_stream_goes_on_behind_the_last_event_that_was_seen(api):
    ask()
    run = api.post("/flows/ask/run", json={"inputs": {"question": "Why?"}}).json()
    with api.stream("GET", f"/runs/{run['id']}/events") as answer:
        everything = read(answer)
    with api.stream("GET", f"/runs/{run['id']}/events", headers={"Last-Event-ID": "3"}) as answer:
        rest = read(answer)
    assert 0 < len(rest) < len(everything)
    assert rest[-1] == everything[-1]


def test_every_event_has_its_own_number_so_that_nothing_is_missed(api):
    ask()
    run = api.post("/flows/ask/run", json={"inputs": {"question": "Why?"}}).json()
    with api.stream("GET", f"/runs/{run['id']}/events") as answer:
        numbers = [int(line[4:]) for line in answer.read().decode().split("\n") if line.startswith("id: ")]
    assert len(numbers) == len(run["actions"]) + 1
    assert numbers == sorted(set(numbers))


def read(answer):
    events = []
    for block in answer.read().decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events


def test_cancel_closes_the_socket_within_a_second(api, counting):
    ask()
    run = api.post("/flows/ask/submit", json={"inputs": {"question": "hold"}}).json()["run"]
    until(lambda: counting.count("hold"))
    assert api.post(f"/runs/{run}/cancel").status_code == 202
    until(lambda: counting.left == ["hold"], 1.0)
    until(lambda: api.get(f"/runs/{run}").json()["state"] == "cancelled")
    assert api.post(f"/runs/{run}/cancel").status_code == 409
    assert Run.objects.get().cancelled_by == "API key script"


def test_equal_requests_with_one_key_are_one_run(api, counting):
    ask()
    answers = []

    def send():
        answers.append(
            api.post("/flows/ask/run", json={"inputs": {"question": "sleep 0.2"}}, headers={"Idempotency-Key": "k"})
        )

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.json()["output"] for answer in answers] == ["<sleep 0.2>"] * 4
    assert (Run.objects.count(), counting.count("sleep 0.2")) == (1, 1)
    other = api.post("/flows/ask/run", json={"inputs": {"question": "Else?"}}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("path", "given", "status", "says"),
    [
        ("/flows/none/run", {"inputs": {}}, 404, "There is no flow none."),
        ("/flows/ask/run", {"inputs": {}}, 422, "The input question is missing."),
        ("/flows/ask/run", {"inputs": {"question": "x", "more": 1}}, 422, "There is no input more."),
        ("/flows/ask/run", {"inputs": []}, 422, "The request is not as it should be."),
        ("/flows/ask/run", b"{", 400, "Cannot parse request body"),
        ("/flows/ask/run", b"x" * (10 * 1024 * 1024 + 1), 413, "The body is longer than 10 MiB."),
    ],
)
def test_what_is_wrong_is_said_as_a_problem(api, path, given, status, says):
    ask()
    body = given if isinstance(given, bytes) else json.dumps(given).encode()
    answer = api.post(path, content=body, headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status
    assert says in answer.json()["detail"]
    assert not Run.objects.exists()


def test_a_form_is_refused(api):
    assert api.post("/flows/ask/run", data={"question": "x"}).status_code == 415
    pieces = api.post("/flows/ask/run", content=iter([b"question=x"]), headers={"Content-Type": "text/plain"})
    assert pieces.status_code == 415


def test_a_client_that_still_sends_too_much_hears_so(api):
    for _ in range(5):
        answer = api.post("/flows/ask/run", content=iter([b"x" * 1024 * 1024] * 15), headers=JSON)
        assert answer.status_code == 413


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (r'"a\u0000b"', "NUL"),
        (r'"\ud800"', "surrogate"),
        (r'{"\u0000": 1}', "NUL"),
        ("NaN", "NaN"),
        ("1e999", "infinite"),
        ("[" * 300 + "]" * 300, "200 deep"),
    ],
)
def test_what_no_database_takes_is_refused(api, question, says):
    ask()
    answer = api.post("/flows/ask/run", content=f'{{"inputs": {{"question": {question}}}}}', headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert [error["where"] for error in answer.json()["errors"]] == ["inputs"]
    assert says in answer.json()["errors"][0]["message"]
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("PUT", "/flows", 405),
        ("POST", "/flows/%00/run", 404),
        ("GET", "/runs?flow=%00", 422),
        ("GET", "/runs/1?after=x", 422),
    ],
)
def test_an_address_that_leads_nowhere_is_a_problem_too(api, method, path, status):
    answer = api.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status
    assert (status == 405) == ("allow" in answer.headers)


def test_a_bug_is_a_problem_without_its_traceback(api, settings, monkeypatch):
    def broken(found):
        raise RuntimeError("not for everybody")

    monkeypatch.setattr(serialize, "serialize_flows", broken)
    for settings.DEBUG in (False, True):
        answer = api.get("/flows")
        assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
        assert "not for everybody" not in answer.text


def test_a_key_without_its_scheme_is_not_logged(api, settings, caplog):
    settings.DEBUG = True
    assert api.get("/flows", headers={"Authorization": f"ffk_1_{PLANTED_KEY}"}).status_code == 401
    assert PLANTED_KEY not in caplog.text


@pytest.mark.parametrize("key", ["", "Bearer nothing", "Bearer ffk_1_wrong", "Bearer ffk_99_x", "Basic YTpi"])
def test_a_stranger_gets_nothing(api, key):
    ask()
    answer = api.get("/flows", headers={"Authorization": key})
    assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)


def test_a_key_does_what_its_scopes_say_and_nothing_after_it_is_revoked(api, server, monkeypatch):
    ask()
    key, text = ApiKey.objects.issue("reader", ["read", "usage"], by=None)
    reader = {"Authorization": f"Bearer {text}"}
    assert api.get("/flows", headers=reader).json()["flows"][0]["slug"] == "ask"
    assert api.post("/flows/ask/run", json={"inputs": {"question": "x"}}, headers=reader).status_code == 403
    assert api.post("/connections/model/test", json={"model": "m"}, headers=reader).status_code == 403
    until(lambda: ApiKey.objects.get(pk=key.pk).last_used_at)
    key.revoke()
    monkeypatch.setattr(keys, "FRESH", 0.0)
    assert api.get("/flows", headers=reader).status_code == 401


def test_a_connection_is_tested_without_telling_its_key(api):
    answer = api.post("/connections/model/test", json={"model": "m"})
    assert answer.json()["ok"], answer.json()
    assert "counting" not in answer.text


def test_a_run_is_for_a_customer_and_so_are_the_runs_it_starts(api):
    ask("Inner", "Why?", inputs=[])
    calls = {"id": "sub", "type": "run_flow", "properties": {"flow": "inner"}}
    make_flow({**document(calls), "name": "Outer"})
    run = api.post("/flows/outer/run", json={"customer": " Contoso "}).json()
    assert run["customer"] == "Contoso"
    assert {each.customer for each in Run.objects.all()} == {"Contoso"}
    assert len(api.get("/runs", params={"customer": "Contoso"}).json()["runs"]) == 2
    assert api.get("/runs", params={"customer": "Fabrikam"}).json()["runs"] == []
    again = api.post(f"/runs/{run['id']}/retry", json={}).json()["run"]
    assert Run.objects.get(pk=again).customer == "Contoso"
    assert api.post("/flows/outer/run", json={"customer": "x" * 201}).status_code == 422


def test_runs_are_listed_and_filtered(api):
    ask()
    for question in ("a", "b"):
        api.post("/flows/ask/run", json={"inputs": {"question": question}})
    found = api.get("/runs?flow=ask&state=succeeded").json()["runs"]
    assert len(found) == 2
    assert api.get(f"/runs?before={found[0]['id']}").json()["runs"] == found[1:]
    assert api.get("/runs?state=odd").status_code == 422


def test_secret_inputs_are_not_told(api):
    ask(inputs=[*QUESTION, {"name": "key", "type": "secret"}])
    answer = api.post("/flows/ask/run", json={"inputs": {"question": "x", "key": PLANTED_KEY}})
    assert answer.json()["state"] == "succeeded"
    assert PLANTED_KEY not in answer.text


def test_a_key_is_printed_once_and_stored_as_a_digest(db, capsys):
    call_command("apikey", "create", "robot", "--scope", "run")
    text = capsys.readouterr().out.strip()
    key = ApiKey.objects.find(text)
    assert key is not None
    assert key.scopes == ["read", "run"]  # the command gives both
    assert text.rsplit("_", 1)[1] not in json.dumps(list(ApiKey.objects.values()), default=str)
    call_command("apikey", "revoke", "robot")
    assert ApiKey.objects.find(text) is None
    call_command("apikey", "list")
    assert "robot" in capsys.readouterr().out


def test_the_reference_describes_every_operation(client_bob, client):
    assert client.get("/api/docs").status_code == 302
    page = client_bob.get("/api/docs").content.decode()
    for path in ("/api/flows/{slug}/run", "/api/flows/{slug}/submit", "/api/flows/{slug}/stream", "/api/runs/{run_id}"):
        assert path in page
    assert client_bob.get("/api/openapi.json").json()["openapi"].startswith("3.")


def test_a_run_costs_few_milliseconds(api):
    ask()
    api.post("/flows/ask/run", json={"inputs": {"question": "warm"}})
    started = time.perf_counter()
    for number in range(20):
        api.post("/flows/ask/run", json={"inputs": {"question": f"q{number}"}})
    assert (time.perf_counter() - started) / 20 < 0.25


def test_a_run_is_retried_from_an_action_with_other_inputs(api, counting):
    make_flow(
        {**document(chat("a", "one"), chat("b", "{{ question }}"), returns("{{ b }}"), inputs=QUESTION), "name": "Two"}
    )
    first = api.post("/flows/two/run", json={"inputs": {"question": "x"}}).json()
    answer = api.post(f"/runs/{first['id']}/retry", json={"path": "b", "inputs": {"question": "y"}})
    assert answer.status_code == 202
    made = answer.json()["run"]
    until(lambda: api.get(f"/runs/{made}").json()["state"] == "succeeded")
    assert api.get(f"/runs/{made}").json()["output"] == "<y>"
    assert counting.count("one") == 1
    assert api.post(f"/runs/{first['id']}/retry", json={"path": "none"}).status_code == 422
    assert api.post("/runs/99999/retry", json={}).status_code == 404


def test_usage_is_told_by_group_and_time(api, server, alice):
    ask()
    ModelPrice.objects.create(pattern="*", input=Decimal("0.25"), output=1)
    run = api.post("/flows/ask/run", json={"inputs": {"question": "Why?"}, "customer": "Contoso"}).json()
    _, text = ApiKey.objects.issue("reader", ["read", "usage"], by=alice)
    headers = {"Authorization": f"Bearer {text}"}
    with httpx.Client(base_url=f"{server.url}/api", headers=headers, timeout=30) as reader:
        told = reader.get("/usage", params={"period": "today", "group": "customer"}).json()
        (row,) = told["rows"]
        assert (row["name"], row["calls"], row["costs"]) == ("Contoso", 1, {"USD": "0.00000475"})
        assert {"prompt_tokens": row["prompt_tokens"], "completion_tokens": row["completion_tokens"]} == run["usage"]
        assert (told["step"], len(told["parts"]), sum(part["calls"] for part in told["parts"])) == ("hour", 24, 1)
        assert reader.get("/usage", params={"customer": "Fabrikam"}).json()["total"]["calls"] == 0
        assert reader.get("/usage", params={"from": "2026-01-01", "to": "2026-02-01"}).json()["step"] == "day"
        refused = reader.get("/usage", params={"from": "yesterday", "step": "x"})
        assert refused.status_code == 422
        assert [error["where"] for error in refused.json()["errors"]] == ["from", "step"]
    assert httpx.get(f"{server.url}/api/usage").status_code == 401
