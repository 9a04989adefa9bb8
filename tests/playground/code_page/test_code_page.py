"""The Code view: what is on the page, saved or not, as code; exactly what the playground would send."""

import asyncio
import html
import re

import pytest
from django.urls import reverse

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Completion, Target, Usage
from connections.models import Connection
from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.models import State
from flows.playground.chat import ask
from flows.playground.code_page.next_request import NothingToSend, next_request
from flows.playground.models import Answer, Session
from flows.playground.setup import Example, Setup
from tests.factories import PLANTED_KEY, make_connection

PNG = "data:image/png;base64,iVBORw0KGgo="
TARGET = Target("contoso", parse_endpoint("https://contoso.openai.azure.com/openai/v1"), Secret("x"))


class Chat:
    """Keeps what it is asked."""

    def __init__(self):
        self.requests = []

    async def chat(self, target, request):
        self.requests.append(request)
        yield Completion("{}", None, "stop", Usage(), "m", None, 200, "https://x")


@pytest.fixture
def session(alice):
    make_connection("contoso")
    setup = Setup(
        "contoso",
        "gpt-5.2",
        "You help {{ customer.name }}.",
        (Example("Hi {{ tone }}", "Hello"), Example("", "not whole")),
        {"temperature": 0.3, "max_completion_tokens": 600, "response_format": {"type": "object", "properties": {}}},
        history_messages=2,
    )
    variables = {"customer": '{"name": "Ada"}', "tone": "kind", "question": "Why?"}
    session = Session.objects.create(name="x", owner=alice, setup=setup.to_json(), variables=variables)
    for at in range(2):
        turn = ask.ask_question(session, f"Question {at} {{{{ tone }}}}", [PNG] if at else [], alice)
        Answer.objects.filter(turn=turn).update(state=State.SUCCEEDED, text=f"Answer {at}")
    return session


def sent(run):
    """What the run of an answer asks a model."""
    chat = Chat()
    services = MemoryServices(chat, {"contoso": TARGET})
    asyncio.run(execute(run.revision.parsed(), run.inputs_with_secrets(), MemoryJournal(), services))
    return chat.requests[0]


def text_of(page):
    return html.unescape(re.sub("<[^>]+>", "", page))


def posted(client, session, **more):
    return client.post(reverse("playground:code", args=[session.pk]), more, headers={"HX-Request": "true"})


def test_a_draft_is_written_as_it_would_be_sent(session, alice):
    session.draft = "About {{ question }}: {{ customer.name }}"
    written = next_request(session, 0)
    turn = ask.ask_question(session, session.draft, [], alice)
    assert written.request == sent(turn.answers.get().run)
    assert len(written.templates) == len(written.request.messages)


def test_without_a_draft_the_newest_question_is_written_once_more(session):
    written = next_request(session, 0)
    assert written.request == sent(session.head.answers.get().run)
    assert written.request.messages[-1].content[1] == {"type": "image_url", "image_url": {"url": PNG}}


def test_a_column_has_its_own_settings(session):
    session.columns, session.comparing = (
        [{}, {"model": "gpt-5-mini", "prompt": "Other", "parameters": {"top_p": 1}}],
        True,
    )
    request = next_request(session, 1).request
    assert (request.model, request.messages[-1].content, request.top_p) == ("gpt-5-mini", "Other", 1)


@pytest.mark.parametrize("draft", ["{{ 1 / 0 }}", "{{ nowhere.x.y }}"])
def test_a_template_that_cannot_be_rendered_is_said(session, draft):
    session.draft = draft
    with pytest.raises(NothingToSend):
        next_request(session, 0)


def test_the_page_shows_unsaved_settings_and_saves_none(client_alice, session):
    answer = posted(client_alice, session, model="another", prompt="Now {{ tone }}", language="curl", api="responses")
    said = text_of(answer.content.decode())
    assert answer.status_code == 200
    assert "another" in said
    assert "Now kind" in said
    assert "/openai/v1/responses" in said
    assert "$AZURE_OPENAI_API_KEY" in said
    session.refresh_from_db()
    assert session.setup["model"] == "gpt-5.2"


def test_an_env_file_has_no_value(client_alice, session):
    said = text_of(posted(client_alice, session, env_file="1").content.decode())
    assert "AZURE_OPENAI_API_KEY=\n" in said
    assert "load_dotenv" in said


def test_a_key_is_in_no_snippet(client_alice, session):
    Connection.objects.update(extra_header="Ocp-Apim-Subscription-Key", extra_header_value=Secret(PLANTED_KEY))
    for language in ("python", "javascript", "csharp", "java", "go", "curl"):
        for authentication in ("key", "entra"):
            more = {"language": language, "authentication": authentication, "env_file": "1"}
            assert PLANTED_KEY not in posted(client_alice, session, **more).content.decode()


def test_without_a_connection_it_says_what_is_missing(client_alice, session):
    assert "Choose a connection." in posted(client_alice, session, connection="").content.decode()
    assert "There is no connection gone." in posted(client_alice, session, connection="gone").content.decode()


def test_a_choice_that_does_not_exist_falls_back(client_alice, session):
    answer = posted(client_alice, session, language="cobol", sdk="inference", column="7")
    assert 'value="python" selected' in answer.content.decode()


def test_a_stranger_sees_a_shared_session_only(client_bob, session):
    assert posted(client_bob, session).status_code == 404
    Session.objects.update(shared=True)
    assert posted(client_bob, session).status_code == 200
    assert client_bob.get(reverse("playground:code", args=[session.pk])).status_code == 405


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prompt": "{{ playground_images }}"}, "playground_images"),
        ({"prompt": "{{ open "}, "unexpected end of template"),
        ({"prompt": ""}, ""),
    ],
)
def test_what_makes_no_call_is_said_in_place_of_code(client_alice, session, fields, words):
    response = posted(client_alice, session, **fields)
    assert response.status_code == 200
    assert words in response.content.decode()


def test_a_connection_of_claude_is_written_with_its_sdk(client_alice, session):
    Connection.objects.update(endpoint="https://contoso.services.ai.azure.com/anthropic")
    said = text_of(posted(client_alice, session, api="chat", sdk="openai").content.decode())
    assert "from anthropic import AnthropicFoundry" in said
    assert "client.messages.create(" in said
    assert "OpenAI SDK" not in said
    curl = text_of(posted(client_alice, session, language="curl").content.decode())
    assert "x-api-key: $ANTHROPIC_FOUNDRY_API_KEY" in curl
