"""What refusals teach: one change at a time, remembered."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import (
    API,
    API_VERSION,
    ENDPOINT,
    Lesson,
    LocalLessonMemory,
    apply_lessons,
    change_of,
    learnt_way,
    lessons_from,
    refused_parameter,
    unsent_fields,
)
from connections.foundry.values import ChatRequest, Completion, EmbeddingRequest, Message, Target
from connections.secret import Secret
from tests.connections.foundry.stub import DONE, KEY, QUICK, word

NOW = 1_800_000_000.0
BODY = {"model": "m", "messages": [], "max_completion_tokens": 9, "temperature": 0.1}
ROOT = "https://r.openai.azure.com"


def refused(parameter, code="unsupported_parameter"):
    return FoundryError(ErrorKind.UNSUPPORTED_PARAMETER, "400", params=(parameter,), code=code, raw="no such thing")


def learnt(known, body, error):
    """The body after one more lesson; the lesson is kept in `known`."""
    lesson = next(iter(lessons_from(error, body, known, NOW)), None)
    if lesson is None:
        return None
    known[:] = [*(old for old in known if old.parameter != lesson.parameter), lesson]
    return apply_lessons(known, body)


def test_one_thing_changes_at_a_time_and_is_remembered():
    known = []
    body = learnt(known, BODY, refused("max_completion_tokens"))
    assert body == {"model": "m", "messages": [], "max_tokens": 9, "temperature": 0.1}
    body = learnt(known, body, refused("temperature"))
    assert body == {"model": "m", "messages": [], "max_tokens": 9}
    assert apply_lessons(known, BODY) == body
    assert [(lesson.message, lesson.learned_at) for lesson in known] == [("no such thing", NOW)] * 2


def test_a_parameter_that_is_refused_under_both_names_is_dropped():
    known = []
    body = learnt(known, BODY, refused("max_completion_tokens"))
    body = learnt(known, body, refused("max_tokens"))
    assert body == apply_lessons(known, BODY) == {"model": "m", "messages": [], "temperature": 0.1}


def test_a_schema_becomes_an_object_and_then_nothing():
    known, body = [], {"response_format": {"type": "json_schema", "json_schema": {}}}
    body = learnt(known, body, refused("response_format.json_schema"))
    assert body == {"response_format": {"type": "json_object"}}
    odd = {"response_format": "text"}
    assert apply_lessons(known, odd) == odd
    assert learnt(known, body, refused("response_format")) == {}


def test_what_responses_nests_is_changed_in_its_place():
    known = []
    body = {
        "input": "hi",
        "reasoning": {"effort": "high"},
        "text": {"format": {"type": "json_schema", "name": "a"}, "verbosity": "low"},
    }
    body = learnt(known, body, refused("text.format.schema"))
    assert body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    body = learnt(known, body, refused("reasoning.effort"))
    assert "reasoning" not in body
    assert learnt(known, body, refused("input")) is None


def test_a_grade_that_is_refused_teaches_nothing_about_the_others():
    known = []
    assert learnt(known, {"reasoning_effort": "xhigh"}, refused("reasoning_effort", "unsupported_value")) == {}
    assert apply_lessons(known, {"reasoning_effort": "low"}) == {"reasoning_effort": "low"}


@pytest.mark.parametrize("parameter", ["messages", "model", "tools", "seed", ""])
def test_what_cannot_be_changed_is_an_error(parameter):
    assert lessons_from(refused(parameter), {**BODY, "tools": []}, [], NOW) == []


@given(st.lists(st.sampled_from([*BODY, "max_tokens", "response_format", "stream_options"]), max_size=30))
def test_learning_always_ends(parameters):
    """A server that refuses whatever it likes is asked a bounded number of times."""
    known, body, asked = [], {**BODY, "response_format": {"type": "json_schema"}}, 0
    while parameters:
        adapted = next((a for p in parameters if (a := learnt(known, body, refused(p))) is not None), None)
        if adapted is None:
            return
        assert adapted != body
        body, asked = adapted, asked + 1
        assert asked <= 8


class Service:
    """A resource that answers by rules: each takes path and body and gives (status, error) to refuse."""

    def __init__(self, *rules):
        self.rules, self.asked = rules, []

    def __call__(self, request):
        body = json.loads(request.content)
        self.asked.append((request.url.path, body))
        for rule in self.rules:
            if refusal := rule(request.url.path, body):
                status, error = refusal
                return httpx.Response(status, json={"error": error})
        if request.url.path.endswith("/responses"):
            output = [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]
            return httpx.Response(200, json={"status": "completed", "output": output})
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=word("hi", "stop") + DONE)

    @property
    def paths(self):
        return [path for path, _ in self.asked]


def client_of(service, memory=None):
    return FoundryClient(
        destinations=Destinations(),
        transport=httpx.MockTransport(service),
        retry=QUICK,
        memory=memory or LocalLessonMemory(),
    )


async def answered(client, endpoint=f"{ROOT}/openai/v1", **more):
    target = Target("contoso", parse_endpoint(endpoint), Secret(KEY))
    request = ChatRequest("codex", (Message("user", "Where?"),), **more)
    last = [event async for event in client.chat(target, request)][-1]
    assert isinstance(last, Completion)
    return last


def refuses(parameter, path=""):
    message = f"Unsupported parameter: '{parameter}' is not supported with this model."
    error = {"code": "unsupported_parameter", "param": parameter, "message": message}
    return lambda where, body: (400, error) if parameter in body and path in where else None


def no_chat(where, body):
    error = {"code": "OperationNotSupported", "message": "The chatCompletion operation does not work with the model."}
    return (400, error) if "chat/completions" in where else None


def no_responses(where, body):
    return (400, {"message": "model not supported"}) if where.endswith("/responses") else None


def no_v1(where, body):
    return (404, {"code": "404", "message": "Resource not found"}) if "/openai/v1/" in where else None


async def test_the_second_call_begins_with_what_the_first_learnt():
    service = Service(refuses("max_completion_tokens"), refuses("temperature"))
    client = client_of(service)
    for _ in range(2):
        assert (await answered(client, temperature=0.2, max_completion_tokens=9)).text == "hi"
    assert len(service.asked) == 4
    assert service.asked[2] == service.asked[3]


async def test_a_model_without_chat_is_spoken_to_by_responses_from_then_on():
    service, memory = Service(no_chat), LocalLessonMemory()
    client = client_of(service, memory)
    for _ in range(2):
        assert (await answered(client)).text == "hi"
    assert service.paths == ["/openai/v1/chat/completions", "/openai/v1/responses", "/openai/v1/responses"]
    assert [(lesson.parameter, lesson.instead) for lesson in await memory.lessons(f"{ROOT}/openai/v1", "codex")] == [
        (API, "responses")
    ]


async def test_a_model_without_responses_is_spoken_to_by_chat():
    service = Service(no_responses)
    client = client_of(service)
    for _ in range(2):
        await answered(client, f"{ROOT}/openai/v1/responses")
    assert service.paths == ["/openai/v1/responses", "/openai/v1/chat/completions", "/openai/v1/chat/completions"]


async def test_a_model_that_speaks_neither_is_an_error_after_one_change():
    service = Service(no_chat, no_responses)
    with pytest.raises(FoundryError) as caught:
        await answered(client_of(service))
    assert caught.value.kind is ErrorKind.NOT_FOUND_ROUTE
    assert len(service.asked) == 2


async def test_a_resource_without_the_new_route_is_called_by_deployment():
    service, memory = Service(no_v1), LocalLessonMemory()
    client = client_of(service, memory)
    for _ in range(2):
        assert (await answered(client, ROOT)).text == "hi"
    old = "/openai/deployments/codex/chat/completions"
    assert service.paths == ["/openai/v1/chat/completions", old, old]
    assert "model" not in service.asked[1][1]
    [lesson] = await memory.lessons(f"{ROOT}/openai/v1", "codex")
    assert (lesson.parameter, lesson.instead.split("?")[0]) == (ENDPOINT, f"{ROOT}/openai/deployments/codex")


async def test_another_path_is_not_remembered_when_it_led_nowhere():
    nothing = Service(lambda where, body: (404, {"code": "404", "message": "Resource not found"}))
    memory = LocalLessonMemory()
    with pytest.raises(FoundryError) as caught:
        await answered(client_of(nothing, memory), ROOT)
    assert caught.value.kind is ErrorKind.NOT_FOUND_ROUTE
    assert [where for where, _ in nothing.asked] == [
        "/openai/v1/chat/completions",
        "/openai/deployments/codex/chat/completions",
        "/anthropic/v1/messages",
    ]
    assert await memory.lessons(f"{ROOT}/openai/v1", "codex") == []


async def test_a_serverless_endpoint_is_found_below_v1():
    service = Service(lambda where, body: None if where.startswith("/v1/") else (404, {"message": "Not Found"}))
    await answered(client_of(service), "https://x.eastus2.models.ai.azure.com")
    assert service.paths == ["/chat/completions", "/v1/chat/completions"]


async def test_what_another_call_learnt_meanwhile_is_taken_over():
    memory = LocalLessonMemory()
    service = Service(refuses("temperature"), refuses("top_p"))
    client = client_of(service, memory)
    await answered(client, temperature=0.2)
    await answered(client, temperature=0.2, top_p=0.5)
    assert len(service.asked) == 4
    assert len(await memory.lessons(f"{ROOT}/openai/v1", "codex")) == 2


async def test_lessons_of_one_deployment_are_not_those_of_another():
    service = Service(refuses("temperature"))
    client = client_of(service)
    await answered(client, temperature=0.2)
    await answered(client, f"{ROOT}/openai/deployments/other", temperature=0.2)
    assert [("temperature" in body) for _, body in service.asked] == [True, False, True, False]


THOUGHT = {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"format": {}}, "x": 1}


@pytest.mark.parametrize(
    ("named", "part"),
    [
        ("thinking.adaptive.display", "thinking.display"),
        ("thinking.display", "thinking.display"),
        ("thinking.adaptive.budget_tokens", "thinking"),
        ("x.display", "x"),
        ("x[0].y", "x"),
        ("format", "output_config.format"),
        ("output_config.effort", "output_config"),
        ("effort", None),
        ("display", None),
    ],
)
def test_what_a_refusal_names_is_looked_for_in_the_body(named, part):
    assert refused_parameter(THOUGHT, named) == part


@pytest.mark.parametrize(
    ("parameter", "code", "value"),
    [
        ("reasoning_effort", "unsupported_value", '"low"'),
        ("reasoning_effort", "unsupported_parameter", ""),
        ("temperature", "unsupported_value", ""),
    ],
)
def test_only_grades_are_refused_by_value(parameter, code, value):
    (lesson,) = lessons_from(refused(parameter, code), {**BODY, "reasoning_effort": "low"}, [], NOW)
    assert (lesson.parameter, lesson.value) == (parameter, value)


def lesson(parameter, instead="", value=""):
    return Lesson(parameter, instead, "", NOW, value)


@pytest.mark.parametrize(
    ("lesson", "body", "sent"),
    [
        (lesson("thinking"), {"thinking": {"type": "adaptive"}}, {}),
        (lesson("thinking", value="adaptive"), {"thinking": {"type": "adaptive"}}, {}),
        (lesson("thinking", value="adaptive"), {"thinking": {"type": "enabled"}}, {"thinking": {"type": "enabled"}}),
        (lesson("reasoning.effort"), {"reasoning": "high"}, {"reasoning": "high"}),
        (lesson("reasoning.effort"), {"reasoning": {"effort": "high"}}, {}),
        (lesson("max_tokens", "64"), {"max_tokens": 65}, {"max_tokens": 64}),
        (lesson("max_tokens", "64"), {"max_tokens": 63}, {"max_tokens": 63}),
        (lesson("max_tokens", "64"), {"max_tokens": "many"}, {"max_tokens": "many"}),
        (lesson("temperature", value="beside top_p"), {"temperature": 1, "top_p": 1}, {"top_p": 1}),
        (lesson("temperature", value="beside top_p"), {"temperature": 1}, {"temperature": 1}),
        (lesson("effort", "high", '"max"'), {"effort": "max"}, {"effort": "high"}),
        (lesson("effort", "high", '"max"'), {"effort": "low"}, {"effort": "low"}),
    ],
)
def test_a_lesson_changes_what_it_is_about_alone(lesson, body, sent):
    assert apply_lessons([lesson], body) == sent


@pytest.mark.parametrize(
    ("lesson", "words"),
    [
        (lesson("thinking"), "thinking is not sent"),
        (lesson("thinking", value="adaptive"), "adaptive thinking is not asked for"),
        (lesson("temperature", value="beside top_p"), "temperature is not sent beside top_p"),
        (lesson("effort", "high", '"max"'), "effort is high instead of max"),
        (lesson("effort", value='"max"'), 'effort is not sent when it is "max"'),
        (lesson("max_tokens", "64000"), "max_tokens is at most 64,000"),
        (
            lesson("response_format", "json_object"),
            "response_format is sent as json_object, its schema in the system prompt",
        ),
        (lesson("max_tokens", "max_completion_tokens"), "max_tokens is sent as max_completion_tokens"),
    ],
)
def test_a_lesson_is_said(lesson, words):
    assert change_of(lesson) == words


def test_what_was_learnt_last_about_the_way_counts():
    known = [lesson(API, "chat"), lesson(API, "responses"), lesson(ENDPOINT, "x")]
    assert (learnt_way(known, API), learnt_way(known, API_VERSION)) == ("responses", "")


def test_other_errors_teach_nothing():
    assert lessons_from(FoundryError(ErrorKind.SERVER, "500", params=("temperature",)), BODY, [], NOW) == []


def test_all_that_one_answer_refuses_is_taken():
    error = FoundryError(ErrorKind.UNSUPPORTED_PARAMETER, "400", params=("temperature", "temperature", "seed", "model"))
    found = lessons_from(error, {**BODY, "seed": 7}, [], NOW)
    assert [lesson.parameter for lesson in found] == ["temperature", "seed"]


def enabled_since(version):
    """A resource that wants a newer api-version than the one of the call."""
    message = f"Model {{modelName}} is enabled only for api versions {version} and later"

    def rule(request):
        sent = request.url.params.get("api-version")
        old = sent is not None and sent < version
        return (400, {"code": "BadRequest", "message": message}) if old else None

    return rule


class VersionedService(Service):
    """Its rules look at the whole request, too."""

    def __init__(self, *rules, also=()):
        super().__init__(*rules)
        self.also, self.versions = also, []

    def __call__(self, request):
        self.versions.append(request.url.params.get("api-version"))
        for rule in self.also:
            if refusal := rule(request):
                self.asked.append((request.url.path, {}))
                return httpx.Response(refusal[0], json={"error": refusal[1]})
        return super().__call__(request)


DEPLOYED = f"{ROOT}/openai/deployments/codex"


@pytest.mark.parametrize("pasted", [DEPLOYED, f"{DEPLOYED}?api-version=2024-05-01-preview&x=1"])
async def test_the_api_version_that_a_refusal_names_is_used_from_then_on(pasted):
    service, memory = VersionedService(also=[enabled_since("2024-12-01-preview")]), LocalLessonMemory()
    client = client_of(service, memory)
    for _ in range(2):
        assert (await answered(client, pasted)).text == "hi"
    assert service.versions[1:] == ["2024-12-01-preview"] * 2
    [lesson] = await memory.lessons(parse_endpoint(pasted).url, "codex")
    assert (lesson.parameter, lesson.instead) == (API_VERSION, "2024-12-01-preview")


async def test_a_spill_over_from_v1_takes_the_named_api_version_too():
    service, memory = VersionedService(no_v1, also=[enabled_since("2024-12-01-preview")]), LocalLessonMemory()
    client = client_of(service, memory)
    for _ in range(2):
        await answered(client, ROOT)
    assert service.versions == [None, "2024-10-21", "2024-12-01-preview", "2024-12-01-preview"]


async def test_an_older_api_version_than_ours_is_not_taken():
    message = "json_schema is enabled only for api-versions 2024-08-01-preview and later"
    always = VersionedService(also=[lambda request: (400, {"message": message})])
    with pytest.raises(FoundryError, match="needs api-version 2024-08-01-preview or later") as caught:
        await answered(client_of(always), f"{DEPLOYED}?api-version=2025-01-01-preview")
    assert (caught.value.kind, len(always.asked)) == (ErrorKind.NOT_FOUND_ROUTE, 1)


async def test_tools_that_chat_refuses_with_reasoning_go_to_responses():
    message = (
        "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions."
        " Please use /v1/responses instead."
    )
    error = {"message": message, "param": "reasoning_effort", "code": None}
    service = Service(lambda where, body: (400, error) if "chat/completions" in where else None)
    assert (await answered(client_of(service))).text == "hi"
    assert service.paths == ["/openai/v1/chat/completions", "/openai/v1/responses"]


async def test_responses_of_an_older_resource_are_found_without_v1():
    service = VersionedService(no_v1)
    client = client_of(service)
    for _ in range(2):
        assert (await answered(client, f"{ROOT}/openai/v1/responses")).text == "hi"
    assert service.paths == ["/openai/v1/responses", "/openai/responses", "/openai/responses"]
    assert service.versions == [None, "2025-04-01-preview", "2025-04-01-preview"]


async def test_embeddings_of_an_older_resource_are_found_without_v1():
    def vectors(request):
        service.asked.append((request.url.path, json.loads(request.content)))
        if "/openai/v1/" in request.url.path:
            return httpx.Response(404, json={"error": {"code": "404", "message": "Resource not found"}})
        return httpx.Response(200, json={"data": [{"index": 0, "embedding": [1.0]}]})

    service = Service()
    client = client_of(vectors)
    target = Target("contoso", parse_endpoint(f"{ROOT}/openai/v1"), Secret(KEY))
    for _ in range(2):
        assert (await client.embed(target, EmbeddingRequest("emb", "x"))).vectors == ((1.0,),)
    old = "/openai/deployments/emb/embeddings"
    assert service.paths == ["/openai/v1/embeddings", old, old]


PROJECT = "https://r.services.ai.azure.com/api/projects/P"


def not_at(*paths):
    missing = {"code": "404", "message": "Resource not found"}
    return lambda where, body: (404, missing) if where.startswith(paths) else None


async def test_a_project_without_chat_is_spoken_to_by_responses():
    service = Service(not_at("/api/projects/P/openai/v1/chat"))
    client = client_of(service)
    for _ in range(2):
        await answered(client, PROJECT)
    responses = "/api/projects/P/openai/v1/responses"
    assert service.paths == ["/api/projects/P/openai/v1/chat/completions", responses, responses]


async def test_a_project_without_models_of_its_own_leads_to_its_resource():
    service = Service(not_at("/api/projects/P"))
    client = client_of(service)
    for _ in range(2):
        await answered(client, PROJECT)
    assert service.paths == [
        "/api/projects/P/openai/v1/chat/completions",
        "/api/projects/P/openai/v1/responses",
        "/openai/v1/chat/completions",
        "/openai/v1/chat/completions",
    ]


async def test_stream_options_that_a_validation_error_refuses_are_left_out():
    detail = [{"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"], "msg": "Extra inputs"}]
    error = {"code": "Invalid input", "message": json.dumps({"detail": detail}), "status": 422}
    service = Service(lambda where, body: (422, error) if "stream_options" in body else None)
    client = client_of(service)
    for _ in range(2):
        await answered(client)
    assert [("stream_options" in body) for _, body in service.asked] == [True, False, False]


def test_a_field_is_unsent_when_all_of_it_is_refused_and_nothing_goes_in_its_place():
    whole = Lesson("seed", "", "no", 0)
    weaker = Lesson("text.format", "json_object", "no", 0)
    one_value = Lesson("reasoning.effort", "", "not minimal", 0, '"minimal"')
    renamed = Lesson("max_tokens", "max_completion_tokens", "use the other", 0)
    assert unsent_fields([whole, weaker, one_value, renamed]) == {"seed": whole, "response_format": weaker}


class Gateway:
    """Lets a key in by one header alone, and says what API Management says."""

    def __init__(self, header, key=KEY):
        self.header, self.key, self.seen = header, key, []

    def __call__(self, request):
        names = ("authorization", "api-key", "ocp-apim-subscription-key")
        sent = [name for name in names if name in request.headers]
        self.seen += sent
        value = request.headers.get(self.header, "").removeprefix("Bearer ")
        if not value:
            message = "Access denied due to missing subscription key. Make sure to include subscription key."
        elif value != self.key:
            message = "Access denied due to invalid subscription key. Make sure to provide a valid key."
        else:
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=word("hi", "stop") + DONE)
        return httpx.Response(401, json={"statusCode": 401, "message": message})


GATEWAY = "https://gateway.contoso.com"


@pytest.mark.parametrize(
    ("endpoint", "header", "seen"),
    [
        (f"{GATEWAY}/openai/v1", "authorization", ["authorization"]),
        (f"{GATEWAY}/openai/v1", "api-key", ["authorization", "api-key"]),
        (f"{GATEWAY}/v1", "ocp-apim-subscription-key", ["authorization", "api-key", "ocp-apim-subscription-key"]),
        ("https://gw.azure-api.net/openai/v1", "ocp-apim-subscription-key", ["api-key", "ocp-apim-subscription-key"]),
        (f"{GATEWAY}/openai/deployments/codex", "authorization", ["api-key", "ocp-apim-subscription-key", "authorization"]),
    ],
)  # fmt: skip
async def test_the_header_of_a_key_follows_what_answers_and_is_remembered(endpoint, header, seen):
    gateway = Gateway(header)
    client = client_of(gateway)
    await answered(client, endpoint)
    await answered(client, endpoint)
    assert gateway.seen == [*seen, seen[-1]]


async def test_a_key_that_is_found_but_wrong_is_called_wrong():
    gateway = Gateway("ocp-apim-subscription-key", "another")
    with pytest.raises(FoundryError, match="the key was refused") as caught:
        await answered(client_of(gateway), f"{GATEWAY}/openai/v1")
    assert "invalid subscription key" in caught.value.raw
    assert len(gateway.seen) == 3


async def test_a_missing_key_is_never_called_wrong():
    gateway, memory = Gateway("x-other"), LocalLessonMemory()
    with pytest.raises(FoundryError, match="found no key where it looks") as caught:
        await answered(client_of(gateway, memory), f"{GATEWAY}/openai/v1")
    assert (caught.value.kind, "refused" in caught.value.message) == (ErrorKind.AUTH_KEY, False)
    assert await memory.lessons(f"{GATEWAY}/openai/v1", "codex") == []


@pytest.mark.parametrize("endpoint", [f"{ROOT}/openai/v1", "https://api.openai.com/v1"])
async def test_a_wrong_key_is_tried_once_where_its_header_is_known(endpoint):
    service = Service(lambda where, body: (401, {"code": "401", "message": "Access denied: wrong key."}))
    with pytest.raises(FoundryError, match="the key was refused"):
        await answered(client_of(service), endpoint)
    assert len(service.asked) == 1
