"""What is shown of a message to an agent."""

import pytest
from django.urls import reverse
from django.utils import timezone

from flows.runs.sent_request import sent_request
from tests.markup import one_line
from tests.runs.conftest import record

PROJECT = "https://contoso.services.ai.azure.com/api/projects/Shop"
FACTS = {
    "connection": "contoso",
    "connection_reason": "chosen in the flow",
    "host": "contoso.services.ai.azure.com",
    "url": f"{PROJECT}/openai/v1/responses",
    "deployment": "agent helper",
    "agent": "helper",
    "agent_version": "3",
    "agent_memory": "conversation",
    "agent_sent_with": "conv_1",
    "conversation": "conv_1",
    "goes_on": True,
    "agent_tools": [{"tool": "find_order", "server": "shop", "detail": '{"number": 7}', "status": "failed"}],
    "prompt": [{"role": "user", "content": "Where?"}],
}


@pytest.fixture
def asked(run):
    return record(
        run, 9, "ask", timezone.now(), type="ask_agent", title="Ask", facts=FACTS, output={"text": "On its way."}
    )


def test_agent_conversation_and_tools_are_shown(client_alice, run, asked):
    page = client_alice.get(reverse("runs:show", args=[run.pk]), {"action": "ask"}).content.decode()
    shown = one_line(page[page.index('<aside class="run-detail"') :])
    for words in (
        "On its way.",
        "<b>helper</b>, version 3",
        "conv_1",
        "went on",
        "<b>find_order</b> of shop",
        "failed",
    ):
        assert words in shown
    assert "Open in playground" not in shown


def test_the_request_is_put_together_as_the_client_sends_it(asked):
    sent = sent_request(asked)
    assert sent.url == FACTS["url"]
    assert sent.body == {
        "input": "Where?",
        "agent_reference": {"type": "agent_reference", "name": "helper"},
        "conversation": "conv_1",
        "stream": True,
    }


@pytest.mark.parametrize("missing", ["url", "prompt", "deployment"])
def test_a_record_that_does_not_say_enough_has_no_request(asked, missing):
    asked.facts = {name: value for name, value in FACTS.items() if name != missing}
    assert sent_request(asked) is None
