"""The form of an answer: by a parameter, and step by step in words where a deployment refuses that."""

import json

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.answer_format import format_words, with_format_in_words
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.lessons import (
    FORMAT,
    JSON_OBJECT,
    NOTHING,
    Lesson,
    LocalLessonMemory,
    change_of,
    unsent_fields,
)
from connections.foundry.values import Adapted, ChatRequest, Completion, Message, Target
from connections.secret import Secret
from connections.simulator.app import Simulator
from tests.connections.foundry.stub import QUICK

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
SAMPLE = {"city": "simulated", "days": 1}
HI = (Message("user", "Where?"),)
ROOT = "https://contoso.services.ai.azure.com"
V1, CLAUDE = f"{ROOT}/openai/v1", f"{ROOT}/anthropic"
RESPONSES = f"{V1}/responses"


class Wire(httpx.ASGITransport):
    """The simulator, and the bodies that it was sent."""

    def __init__(self):
        super().__init__(Simulator(delay=0))
        self.bodies = []

    async def handle_async_request(self, request):
        self.bodies.append(json.loads(request.content))
        return await super().handle_async_request(request)


@pytest.fixture
def wire():
    return Wire()


def client_of(wire, memory=None):
    return FoundryClient(destinations=Destinations(), transport=wire, retry=QUICK, memory=memory or LocalLessonMemory())


async def events_of(client, endpoint, model, format=AS_SCHEMA, messages=HI):
    target = Target("sim", parse_endpoint(endpoint), Secret("simulator"))
    request = ChatRequest(model, messages, response_format=format)
    return [event async for event in client.chat(target, request)]


def answer_in(events):
    return next(event for event in events if isinstance(event, Completion))


def form_in(body):
    """What a body says by parameter, and whether its instructions name the schema."""
    form = body.get("response_format") or (body.get("text") or {}).get("format")
    form = form or (body.get("output_config") or {}).get("format") or {}
    return form.get("type"), "JSON Schema: " in json.dumps(body)


@pytest.mark.parametrize(
    ("endpoint", "model", "forms"),
    [
        (V1, "gpt-x", [("json_schema", False)]),
        (V1, "no-schema", [("json_schema", False), ("json_object", True)]),
        (V1, "no-format", [("json_schema", False), ("json_object", True), (None, True)]),
        (RESPONSES, "gpt-x", [("json_schema", False)]),
        (RESPONSES, "no-schema", [("json_schema", False), ("json_object", True)]),
        (RESPONSES, "no-format", [("json_schema", False), ("json_object", True), (None, True)]),
        (CLAUDE, "claude-x", [("json_schema", False)]),
        (CLAUDE, "claude-no-format", [("json_schema", False), (None, True)]),
    ],
)
async def test_a_schema_is_asked_for_step_by_step_until_it_is_taken(wire, endpoint, model, forms):
    memory = LocalLessonMemory()
    client = client_of(wire, memory)
    events = await events_of(client, endpoint, model)

    assert [form_in(body) for body in wire.bodies] == forms
    assert json.loads(answer_in(events).text) == SAMPLE
    told = [sentence for event in events if isinstance(event, Adapted) for sentence in event.sentences]
    assert len(told) == len(forms) - 1
    wire.bodies.clear()
    assert json.loads(answer_in(await events_of(client, endpoint, model)).text) == SAMPLE
    assert [form_in(body) for body in wire.bodies] == [forms[-1]]
    lessons = await memory.lessons(parse_endpoint(endpoint).url, model)
    assert (set(unsent_fields(lessons)) == {"response_format"}) is (len(forms) > 1)
    assert [change_of(lesson) for lesson in lessons if "format" in lesson.parameter] == told[-1:]


@pytest.mark.parametrize("endpoint", [V1, RESPONSES])
async def test_json_of_any_form_is_asked_for_in_words_where_the_parameter_is_refused(wire, endpoint):
    about_json = (Message("system", "Answer in JSON."), Message("user", "Where?"))
    events = await events_of(client_of(wire), endpoint, "no-format", {"type": "json_object"}, about_json)
    assert [form_in(body)[0] for body in wire.bodies] == ["json_object", None]
    assert "Answer in JSON.\\n\\nAnswer with one JSON object" in json.dumps(wire.bodies[-1])
    assert answer_in(events).text


def test_what_is_said_in_words_stands_at_the_end_of_the_one_system_prompt():
    refused = [Lesson("response_format", JSON_OBJECT, "", 0)]
    asked = ChatRequest("m", (Message("developer", "Be brief."), Message("user", "Hi")), response_format=AS_SCHEMA)
    said = with_format_in_words(asked, refused, "response_format").messages
    assert [message.role for message in said] == ["developer", "user"]
    assert said[0].content.startswith("Be brief.\n\nAnswer with one JSON object and nothing else")
    assert '"required": ["city", "days"]' in said[0].content
    alone = ChatRequest("m", (Message("user", "Hi"),), response_format=AS_SCHEMA)
    assert [each.role for each in with_format_in_words(alone, refused, "response_format").messages] == [
        "system",
        "user",
    ]


LATIN = {"type": "object", "title": "Café"}
IN_WORDS = "Answer with one JSON object and nothing else, not even a code fence around it."
WITH_SCHEMA = f'{IN_WORDS} It follows this JSON Schema: {{"type": "object", "title": "Café"}}'
BY_VALUE = Lesson("response_format", JSON_OBJECT, "", 0, '{"type": "x"}')


@pytest.mark.parametrize(
    ("wanted", "lessons", "parameter", "words"),
    [
        ({"type": "json_schema", "schema": LATIN}, [Lesson("text", NOTHING, "", 0)], "text.format", WITH_SCHEMA),
        ({"type": "json_schema", "json_schema": {"schema": LATIN}}, [Lesson(FORMAT, NOTHING, "", 0)], FORMAT, WITH_SCHEMA),
        ({"type": "json_schema", "schema": LATIN}, [BY_VALUE], "response_format", ""),
        ({"type": "text", "schema": LATIN}, [Lesson("text", NOTHING, "", 0)], "text.format", ""),
        ({"type": "json_object"}, [], FORMAT, IN_WORDS),
        ({"type": "json_object"}, [], "response_format", ""),
        ({"type": "json_object"}, [Lesson("response_format", JSON_OBJECT, "", 0)], "response_format", ""),
        ({"type": "json_object"}, [Lesson("response_format", NOTHING, "", 0)], "response_format", IN_WORDS),
        (None, [], FORMAT, ""),
    ],
)  # fmt: skip
def test_what_no_parameter_says_is_said_in_words(wanted, lessons, parameter, words):
    assert format_words(wanted, lessons, parameter) == words


@pytest.mark.parametrize(
    "messages", [(), (Message("user", "Hi"),), (Message("system", [{"type": "text", "text": "Be brief."}]),)]
)
def test_where_no_system_prompt_is_text_one_is_put_in_front(messages):
    asked = ChatRequest("m", messages, response_format={"type": "json_object"})
    assert with_format_in_words(asked, [], FORMAT).messages == (Message("system", IN_WORDS), *messages)


def test_nothing_is_said_in_words_that_a_parameter_says():
    asked = ChatRequest("m", (Message("user", "Hi"),), response_format=AS_SCHEMA)
    others = [Lesson("temperature", NOTHING, "", 0), Lesson("text.verbosity", NOTHING, "", 0)]
    assert with_format_in_words(asked, others, "response_format") is asked
    assert with_format_in_words(asked, others, "text.format") is asked
    plain = ChatRequest("m", (Message("user", "Hi"),))
    assert with_format_in_words(plain, [Lesson("response_format", NOTHING, "", 0)], "response_format") is plain


async def test_a_schema_that_is_wrong_is_its_authors_to_correct_and_teaches_nothing(wire):
    memory = LocalLessonMemory()
    lax = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}}
    with pytest.raises(Exception, match="Invalid schema for response_format"):
        await events_of(client_of(wire, memory), V1, "gpt-x", lax)
    assert await memory.lessons(V1, "gpt-x") == []
