"""Copy and paste of actions, within a flow and across."""

import json

import pytest
from django.urls import reverse

from flows.models import Flow
from tests.factories import PLANTED_KEY, make_flow
from tests.markup import one_line

HTMX = {"HX-Request": "true"}


@pytest.fixture
def flow(alice):
    return make_flow("bar-static", by=alice)


@pytest.fixture
def with_secret(alice):
    """Its action `conn` has a literal key."""
    key = {"api_key": PLANTED_KEY, "endpoint": "https://contoso.openai.azure.com/openai/v1"}
    action = {"id": "conn", "type": "create_azure_ai_connection", "title": "Tenant", "properties": key}
    return make_flow({"format": "foundryflow/1", "name": "Keys", "actions": [action]}, by=alice)


def copied(client, flow, *ids):
    answer = client.get(reverse("designer:copy", args=[flow.slug]), {"chosen": ",".join(ids)}, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def paste(client, flow, text, **posted):
    base = Flow.objects.get(pk=flow.pk).current.number
    url = reverse("designer:paste", args=[flow.slug])
    return client.post(url, {"base": base, "text": text, **posted}, headers=HTMX)


def document(flow):
    return Flow.objects.get(pk=flow.pk).current.parsed()


def said(answer):
    return one_line(answer.content.decode())


def test_actions_are_copied_into_another_flow(client_alice, flow, with_secret):
    text = copied(client_alice, flow, "ret", "chat")
    assert json.loads(text)["format"] == "foundryflow-actions/1"
    answer = paste(client_alice, with_secret, text, after="conn")
    assert answer.status_code == 200
    assert "2 actions pasted." in said(answer)
    assert 'data-chosen="chat,ret"' in said(answer)
    assert [action.id for action in document(with_secret).actions] == ["conn", "chat", "ret"]
    assert document(with_secret).find("chat").json == document(flow).find("chat").json


def test_in_the_same_flow_ids_and_names_that_clash_are_renewed_and_said(client_alice, flow):
    answer = paste(client_alice, flow, copied(client_alice, flow, "chat"), after="chat")
    assert "Set before already, so here response is response2." in said(answer)
    assert [action.id for action in document(flow).actions] == ["chat", "chat2", "ret"]
    assert document(flow).find("chat2").properties["result_variable_name"] == "response2"


def test_a_secret_stays_in_its_flow_and_is_named_elsewhere(client_alice, flow, with_secret):
    text = copied(client_alice, with_secret, "conn")
    assert PLANTED_KEY not in text
    assert "left out" not in said(paste(client_alice, with_secret, text))
    assert (
        document(with_secret).find("conn2").properties["api_key"]
        == document(with_secret).find("conn").properties["api_key"]
    )

    answer = paste(client_alice, flow, text)
    assert "Secrets are left out: API key of Tenant. Type them again, or choose variables." in said(answer)
    assert "data-stays" in said(answer)
    assert document(flow).find("conn").properties["api_key"] is None


def test_a_literal_key_in_what_is_pasted_is_stored_encrypted(client_alice, flow, with_secret):
    text = copied(client_alice, with_secret, "conn")
    key = document(with_secret).find("conn").properties["api_key"]
    answer = paste(
        client_alice, flow, text.replace(json.dumps(key, indent=2).replace("\n", "\n        "), json.dumps(PLANTED_KEY))
    )
    assert answer.status_code == 200
    assert PLANTED_KEY not in answer.content.decode()
    assert PLANTED_KEY not in json.dumps(Flow.objects.get(pk=flow.pk).current.document)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello", "What you pasted is no actions of a flow."),
        ("x" * 9_000_000, "What you pasted is 9 MB; at most 5 MB can be pasted."),
        ('{"format": "foundryflow-actions/7"}', "from another version of FoundryFlow (foundryflow-actions/7)"),
        ('{"format": "foundryflow-actions/1", "actions": [{"id": "conn", "type": "create_azure_ai_connection", "properties": {"api_key": "k{{ x }}"}}]}', "Not pasted. "),
        ('{"format": "foundryflow-actions/1", "actions": [{"id": "conn", "type": "create_azure_ai_connection", "properties": {"endpoint": "https://u:p@x.example/?api-key=abc"}}]}', "Not pasted. "),
    ],
)  # fmt: skip
def test_what_cannot_be_pasted_is_said_and_changes_nothing(client_alice, flow, text, words):
    answer = paste(client_alice, flow, text)
    assert answer.status_code == 422
    assert words in said(answer)
    assert Flow.objects.get(pk=flow.pk).revisions.count() == 1


def test_a_place_or_an_action_that_is_gone_is_said(client_alice, flow):
    assert paste(client_alice, flow, copied(client_alice, flow, "chat"), after="gone").status_code == 409
    gone = client_alice.get(reverse("designer:copy", args=[flow.slug]), {"chosen": "gone"}, headers=HTMX)
    assert gone.status_code == 409
    assert "removed meanwhile" in gone.content.decode()


def test_a_paste_is_taken_back_and_done_again(client_alice, flow):
    before = document(flow).to_json()
    paste(client_alice, flow, copied(client_alice, flow, "chat"))
    pasted = document(flow).to_json()
    undone = client_alice.post(reverse("designer:undo", args=[flow.slug]), {"base": 2}, headers=HTMX)
    assert "Took back: Question pasted" in said(undone) or "Took back: " in said(undone)
    assert document(flow).to_json() == before
    client_alice.post(reverse("designer:redo", args=[flow.slug]), {"base": 1}, headers=HTMX)
    assert document(flow).to_json() == pasted


def test_everything_that_is_done_to_several_is_one_revision(client_alice, flow):
    for base, (verb, more) in enumerate(
        [("wrap", {"type": "if_else"}), ("toggle", {}), ("duplicate", {}), ("remove", {})], start=1
    ):
        url = reverse("designer:change", args=[flow.slug, "ret", verb])
        answer = client_alice.post(url, {"base": base, "chosen": "chat,ret", **more}, headers=HTMX)
        assert answer.status_code == 200
    assert [located.action.id for located in document(flow).walk()] == ["if", "chat2", "ret2"]
    assert Flow.objects.get(pk=flow.pk).revisions.count() == 5
    assert Flow.objects.get(pk=flow.pk).current.note == "2 actions removed"


def test_only_a_container_can_be_put_around(client_alice, flow):
    url = reverse("designer:change", args=[flow.slug, "chat", "wrap"])
    assert client_alice.post(url, {"base": 1, "type": "log"}, headers=HTMX).status_code == 404


def test_an_open_panel_is_sent_again_only_where_it_says_something_else(client_alice, flow):
    def edit(verb, id, **more):
        base = Flow.objects.get(pk=flow.pk).current.number
        url = reverse("designer:change", args=[flow.slug, id, verb])
        return 'hx-target="#panel"' in client_alice.post(url, {"base": base, **more}, headers=HTMX).content.decode()

    assert not edit("toggle", "ret", action="chat")
    assert not edit("toggle", "ret", action="chat")
    assert edit("toggle", "chat", action="chat")
    assert edit("toggle", "chat", action="chat")
    assert edit("remove", "chat", action="ret")  # it reads what the other has set
    assert edit("remove", "ret", action="ret")
    assert not edit("note", "start", text="x")
