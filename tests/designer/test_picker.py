"""What the value picker is told: one small answer about the values in scope at an action."""

import time

import pytest
from django.urls import reverse
from django.utils import timezone

from connections.secret import MASK
from flows.models import ActionRun, Run
from flows.models.states import State
from tests.factories import make_flow, make_run

INPUTS = [
    {"name": "question", "type": "text", "default": "Why?"},
    {"name": "customer", "type": "object", "secret_parts": ["key"]},
    {"name": "token", "type": "secret"},
]
DECLARE = {"id": "d", "type": "declare_variables", "title": "Prepare"}
DECLARE["properties"] = {"variables": [{"name": "endpoint", "type": "text", "value": "https://x"}]}
CHAT = {"id": "chat", "type": "chat_completion", "title": "Ask"}
LOG = {"id": "log", "type": "log"}


def document(*actions):
    return {"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": list(actions)}


@pytest.fixture
def values_at(client_alice, alice):
    def ask(flow, action, **query):
        answer = client_alice.get(reverse("designer:list_values", args=[flow.slug, action]), query)
        assert answer.status_code == 200
        return answer.json()

    return ask


def by_path(values):
    """Every value of an answer, those inside of objects, too."""

    def inside(found):
        for value in found:
            yield value["path"], value
            yield from inside(value.get("parts", []))

    return dict(inside([value for group in [*values["body"], *values["groups"]] for value in group["values"]]))


def record(run, at, action, **fields):
    now = timezone.now()
    ActionRun.objects.create(
        run=run, path=action["id"], action_id=action["id"], type=action["type"], title="", state=State.SUCCEEDED,
        event=at, order=at, started_at=now, ended_at=now, **fields,
    )  # fmt: skip


def test_values_are_grouped_by_what_declares_them_the_nearest_first(values_at, alice):
    values = values_at(make_flow(document(DECLARE, CHAT, LOG), by=alice), "log")
    assert [group["origin"] for group in values["groups"]] == ["Ask", "Prepare", "Start"]
    found = by_path(values)
    assert found["response.usage.total_tokens"]["type"] == "number"
    assert found["customer.key"]["type"] == "secret"
    assert values["run"] is None
    assert not any("last" in value for value in found.values())
    assert {"name": "truncate", "written": "truncate(200)", "says": "cuts after 200 characters"} in values["filters"]


def test_values_of_the_last_run_stand_beside_them_and_lead_into_objects(values_at, alice):
    flow = make_flow(document(DECLARE, CHAT, LOG), by=alice)
    run = make_run(flow, by=alice, customer={"id": "C-1", "key": "k-4711"}, token="t-4711")
    record(run, 1, DECLARE, output={"endpoint": "https://contoso"})
    answer = {"text": "Because", "usage": {"completion_tokens": 41}, "raw": {"id": "x"}}
    record(run, 2, CHAT, variables={"response": answer})
    values = values_at(flow, "log")
    assert values["run"] == run.pk
    found = by_path(values)
    assert found["question"]["last"] == "“Why?”"
    assert found["endpoint"]["last"] == "“https://contoso”"
    assert found["response"]["last"] == "answer, 41 tokens"
    assert found["response.text"]["last"] == "“Because”"
    assert found["customer.id"]["last"] == "“C-1”"
    assert "last" not in found["customer.key"]
    assert "last" not in found["token"]
    assert "4711" not in str(values)
    assert MASK not in str(values)


def test_an_action_sees_what_was_set_before_it_ran(values_at, alice):
    flow = make_flow(document(DECLARE, LOG, {**DECLARE, "id": "later"}), by=alice)
    run = make_run(flow, by=alice)
    record(run, 1, DECLARE, output={"endpoint": "before"})
    record(run, 2, LOG)
    record(run, 3, {**DECLARE, "id": "later"}, output={"endpoint": "after"})
    assert by_path(values_at(flow, "log"))["endpoint"]["last"] == "“before”"


def test_a_loop_gives_what_its_body_sets_apart(values_at, alice):
    loop = {"id": "loop", "type": "for_each", "title": "Each", "branches": [{"id": "b", "actions": [CHAT]}]}
    values = values_at(make_flow(document(loop), by=alice), "loop")
    assert [group["origin"] for group in values["body"]] == ["Ask", "Each"]
    assert [group["origin"] for group in values["groups"]] == ["Start"]


def test_one_variable_can_be_asked_for_with_all_of_its_paths(values_at, alice):
    wide = {f"part_{number}": number for number in range(90)}
    rows = {"variables": [{"name": "wide", "type": "object", "value": wide}]}
    flow = make_flow(document({"id": "d", "type": "declare_variables", "properties": rows}, LOG), by=alice)
    (value,) = values_at(flow, "log")["groups"][0]["values"]
    assert value["more"]
    assert len(value["parts"]) < 90
    alone = values_at(flow, "log", only="wide")
    assert [len(value["parts"]) for group in alone["groups"] for value in group["values"]] == [90]
    assert alone["filters"] == []


def test_it_is_there_in_a_blink_at_300_actions(values_at, alice):
    chats = [{**CHAT, "id": f"c{n}", "properties": {"result_variable_name": f"answer_{n}"}} for n in range(300)]
    flow = make_flow(document(*chats, LOG), by=alice)
    run = make_run(flow, by=alice)
    for at, chat in enumerate(chats, 1):
        answer = {"text": "x" * 500, "usage": {"total_tokens": at}, "raw": {"id": "x" * 500}}
        record(run, at, chat, variables={f"answer_{at - 1}": answer})
    took = []
    for _ in range(4):
        began = time.process_time()
        values = values_at(flow, "log")
        took.append(time.process_time() - began)
    assert len(values["groups"]) == 2
    assert min(took) < 0.1


def test_only_editors_ask_and_only_for_what_is_there(client_alice, client_bob, alice):
    flow = make_flow(document(LOG), by=alice)
    address = reverse("designer:list_values", args=[flow.slug, "log"])
    assert client_bob.get(address).status_code == 403
    assert client_alice.post(address).status_code == 405
    assert client_alice.get(reverse("designer:list_values", args=[flow.slug, "gone"])).status_code == 404
    assert client_alice.get(reverse("designer:list_values", args=["gone", "log"])).status_code == 404
    assert Run.objects.count() == 0
