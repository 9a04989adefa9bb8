"""What a new flow begins with: nothing, a sample, a copy, a session of the playground."""

import pytest
from django.urls import reverse

from flows.models import Flow, FlowSecret
from flows.models.flow import parsed_revisions
from tests.factories import PLANTED_KEY, make_flow
from tests.markup import one_line
from tests.playground.session_factory import make_session

NEW = "/flows/new/"


def create(client, beginning, name=""):
    return client.post(NEW, {"name": name, "beginning": beginning})


def test_a_flow_begins_with_a_sample_under_its_name_or_another(client_alice):
    create(client_alice, "sample:plain-answer")
    create(client_alice, "sample:plain-answer", name="Ours")
    assert [flow.name for flow in Flow.objects.order_by("pk")] == ["Plain answer", "Ours"]
    assert Flow.objects.get(name="Ours").current.parsed().actions


def test_a_flow_begins_with_a_copy_of_another_and_its_secrets(client_alice, alice):
    key = {"api_key": PLANTED_KEY, "endpoint": "https://contoso.openai.azure.com/openai/v1"}
    actions = [{"id": "conn", "type": "create_azure_ai_connection", "properties": key}]
    original = make_flow({"format": "foundryflow/1", "name": "Keys", "actions": actions}, by=alice)
    create(client_alice, f"flow:{original.slug}", name="Other keys")
    create(client_alice, f"flow:{original.slug}")
    for name in ("Other keys", "Keys copy"):
        copy = Flow.objects.get(name=name)
        stored = copy.current.parsed().find("conn").properties["api_key"]
        assert FlowSecret.objects.get(flow=copy, key=stored["secret"]).value.reveal() == PLANTED_KEY


def test_a_session_goes_on_where_it_is_reviewed(client_alice, alice, bob):
    session, private = make_session(alice, name="Tone of voice"), make_session(bob, name="Private")
    page = one_line(client_alice.get(f"{NEW}?begin=1").content.decode())
    assert f'<option value="to:session-{session.pk}">Tone of voice</option>' in page
    assert "Private" not in page
    answer = create(client_alice, f"to:session-{session.pk}")
    assert answer.headers["Location"] == reverse("playground:use", args=[session.pk])
    assert create(client_alice, f"to:session-{private.pk}").status_code == 422
    assert not Flow.objects.in_designer().exists()


@pytest.mark.parametrize(
    ("beginning", "words"),
    [
        ("flow:gone", "It is not there any more."), ("sample:gone", "It is not there any more."), ("x", "It is not there any more."),
        ("", "A flow needs a name."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_and_what_was_typed_stays(client_alice, beginning, words):
    answer = create(client_alice, beginning, name=" " if not beginning else "Typed")
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not beginning or 'value="Typed"' in answer.content.decode()


def test_a_broken_flow_cannot_be_copied_and_says_why(client_alice):
    flow = make_flow()
    flow.revisions.update(document={"format": "foundryflow/1", "name": "x", "actions": "none"})
    parsed_revisions.clear()
    answer = create(client_alice, f"flow:{flow.slug}", name="Copy")
    assert answer.status_code == 422
    assert "It cannot be copied: actions is not a list" in answer.content.decode()
    assert Flow.objects.count() == 1
