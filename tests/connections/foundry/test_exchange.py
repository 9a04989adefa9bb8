"""What is told of several refusals, and how long a service asks to wait."""

import json
from dataclasses import replace

import httpx
import pytest

from connections.endpoint.recognise import LAST_GA, parse_endpoint
from connections.foundry.answers import AttemptFailed
from connections.foundry.backoff import RetryPolicy
from connections.foundry.classify import MISSING_KEY
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.exchange import MOST_CHANGES, error_with_delay, most_telling, with_way
from connections.foundry.keys import UnwatchedKeys
from connections.foundry.lessons import API, ENDPOINT, KEY_HEADER, Lesson, LocalLessonMemory
from connections.foundry.messages import NEWEST, WITH_SAMPLING
from connections.foundry.values import Adapted, ChatRequest, Completion, Identity, Message, Target, Waiting
from connections.secret import MASK, Secret

DEPLOYMENT, ROUTE, KEY = ErrorKind.NOT_FOUND_DEPLOYMENT, ErrorKind.NOT_FOUND_ROUTE, ErrorKind.AUTH_KEY
TOKEN, SERVER, PERMISSION = ErrorKind.AUTH_TOKEN, ErrorKind.SERVER, ErrorKind.PERMISSION


def failed(kind, message="no", raw="", hint="", **headers):
    return AttemptFailed(FoundryError(kind, message, hint, raw=raw), headers, False)


@pytest.mark.parametrize(
    ("first", "second", "tells"),
    [
        (failed(DEPLOYMENT), failed(ROUTE), "first"),
        (failed(DEPLOYMENT), failed(DEPLOYMENT), "first"),
        (failed(DEPLOYMENT), failed(KEY), "first"),
        (failed(DEPLOYMENT), failed(PERMISSION), "first"),
        (failed(DEPLOYMENT), failed(SERVER), "second"),
        (failed(ROUTE), failed(DEPLOYMENT), "second"),
        (failed(ROUTE, raw="API_Not_Supported"), failed(DEPLOYMENT), "first"),
        (failed(ROUTE, raw="API_Not_Supported"), failed(SERVER), "second"),
        (failed(ROUTE), failed(ROUTE), "first"),
        (failed(ROUTE), failed(KEY), "second"),
        (failed(KEY), failed(TOKEN), "first"),
        (failed(TOKEN), failed(KEY), "second"),
        (failed(KEY), failed(KEY), "first"),
        (failed(KEY, MISSING_KEY), failed(KEY), "second"),
        (failed(SERVER), failed(SERVER), "second"),
    ],
)
def test_of_two_refusals_one_tells_more(first, second, tells):
    assert most_telling(second, first) is (first if tells == "first" else second)
    assert most_telling(second, None) is second


@pytest.mark.parametrize(
    ("kind", "asked", "hint"),
    [
        (ErrorKind.RATE_LIMIT, "1", "The service asks to wait 1 s. Later."),
        (ErrorKind.RATE_LIMIT, "4000", "The service asks to wait 4,000 s. Later."),
        (ErrorKind.RATE_LIMIT, "0.9", "Later."),
        (ErrorKind.RATE_LIMIT, "", "Later."),
        (ErrorKind.QUOTA, "30", "Later."),
    ],
)
def test_a_wait_that_is_too_long_to_be_waited_for_is_said(kind, asked, hint):
    assert error_with_delay(failed(kind, hint="Later.", **{"retry-after": asked}), 0.0).hint == hint


KEY_OF_CONNECTION = "planted-key-0123456789"
REQUEST = ChatRequest("m", (Message("user", "Hi"),), stream=False)
ANSWER = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {}}


class Keys(UnwatchedKeys):
    def __init__(self):
        self.noted = []

    def note_use(self, target):
        self.noted.append("use")

    def note_answer(self, target):
        self.noted.append("answer")

    def note_limits(self, target, model, told):
        self.noted.append((model, told))


class Service:
    """Answers with what it is told in turn, the last again and again; its clock stands still while nobody waits."""

    def __init__(self, *answers, address="https://gw.contoso.example/v1", identity=None, tokens=None):
        self.answers, self.asked, self.keys, self.now = [*answers], [], Keys(), 1_000.0
        self.memory = LocalLessonMemory()
        self.client = FoundryClient(
            destinations=Destinations(), transport=httpx.MockTransport(self), keys=self.keys, clock=lambda: self.now,
            sleep=self.sleep, retry=RetryPolicy(attempts=3, first=2.0), memory=self.memory, tokens=tokens,
        )  # fmt: skip
        key = Secret("" if identity else KEY_OF_CONNECTION)
        self.target = Target("t", parse_endpoint(address), key, identity)

    async def sleep(self, seconds):
        self.now += seconds

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if callable(answer) else answer

    async def chat(self, **more):
        return [event async for event in self.client.chat(self.target, replace(REQUEST, **more))]


async def test_whoever_watches_keys_hears_of_uses_answers_and_limits():
    told = {"x-ratelimit-remaining-tokens": "7", "x-request-id": f"r-{KEY_OF_CONNECTION}"}
    service = Service(httpx.Response(200, json=ANSWER, headers=told))
    (*_, made) = await service.chat()
    assert isinstance(made, Completion)
    assert made.request_id == f"r-{MASK}"
    assert service.keys.noted == ["use", ("m", {"tokens": {"remaining": "7"}}), "answer"]
    service = Service(httpx.Response(200, json={"data": []}))
    await service.client.deployments(service.target)
    assert service.keys.noted == ["use"]


async def test_a_wait_is_told_with_its_end_and_its_try():
    service = Service(httpx.Response(429, json={}, headers={"retry-after": "5"}), httpx.Response(200, json=ANSWER))
    waiting, *_ = await service.chat()
    assert isinstance(waiting, Waiting)
    assert (waiting.until, waiting.attempt, waiting.most, waiting.status) == (1_005.0, 1, 3, 429)
    assert service.keys.noted == ["use", "use", "answer"]


def refuse_extras(request):
    extras = [name for name in json.loads(request.content) if name.startswith("p")]
    if not extras:
        return httpx.Response(200, json=ANSWER)
    return httpx.Response(400, json={"error": {"code": "unknown_parameter", "message": "no", "param": extras[0]}})


async def test_what_was_left_out_is_told_once_before_the_answer():
    service = Service(refuse_extras)
    told, *_ = await service.chat(extra={"p1": 1, "p2": 2})
    assert told == Adapted(("p1 is not sent", "p2 is not sent"))
    for events in (await service.chat(extra={"p1": 1}), await service.chat()):
        assert not any(isinstance(event, Adapted) for event in events)
    assert [request.method for request in service.asked] == ["POST"] * 5


async def test_a_service_that_refuses_something_each_time_is_given_up():
    service = Service(refuse_extras)
    with pytest.raises(FoundryError) as refused:
        await service.chat(extra={f"p{number}": 1 for number in range(40)})
    assert refused.value.kind is ErrorKind.UNSUPPORTED_PARAMETER
    assert len(service.asked) == MOST_CHANGES + 1


NOT_FOUND = httpx.Response(404, json={"error": {"code": "404", "message": "Resource not found"}})
NO_DEPLOYMENT = httpx.Response(404, json={"error": {"code": "DeploymentNotFound", "message": "It does not exist."}})
WRONG_KEY = httpx.Response(401, json={"error": {"code": "401", "message": "Access denied."}})
WRONG_TOKEN = httpx.Response(
    401, json={"message": "Access token: audience (https://management.azure.com) is incorrect."}
)
BUSY = httpx.Response(429, json={})
OF_CLAUDE = httpx.Response(200, json={"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"})
OLD_VERSION = httpx.Response(400, json={"error": {"message": "anthropic-version: this one is not known"}})
RESOURCE = "https://r.services.ai.azure.com"
SERVERLESS = "https://x.eastus2.models.ai.azure.com"
DATED = f"/openai/deployments/m/chat/completions?api-version={LAST_GA}"
CHAT, CLAUDE = "/openai/v1/chat/completions", "/anthropic/v1/messages"
OF_PROJECT = "/api/projects/P/openai/v1"


def shown(request):
    """The path of a request, its version where it is an older one, and the headers in which its key or token is."""
    names = ("api-key", "authorization", "ocp-apim-subscription-key", "x-api-key")
    path = str(request.url).removeprefix(RESOURCE).removeprefix(SERVERLESS).removeprefix("https://gw.contoso.example")
    version = request.headers.get("anthropic-version", NEWEST)
    return " ".join(
        [path, *([version] if version != NEWEST else []), *(name for name in names if name in request.headers)]
    )


OLDER, NEWER = Lesson(ENDPOINT, "a", "", 0), Lesson(ENDPOINT, "b", "", 0)
RESPONSES, MESSAGES, OF_OTHERS = (Lesson(API, api, "", 0) for api in ("responses", "messages", "chat"))
BEARER, AS_KEY = (Lesson(KEY_HEADER, header, "", 0) for header in ("bearer", "api-key"))


@pytest.mark.parametrize(
    ("tried", "way", "left"),
    [
        ([], OLDER, []),
        ([OLDER], NEWER, []),
        ([BEARER], AS_KEY, []),
        ([RESPONSES, BEARER], OLDER, [BEARER]),
        ([OLDER], RESPONSES, [OLDER]),
        ([OLDER, BEARER], MESSAGES, [BEARER]),
        ([OLDER, BEARER, MESSAGES], OF_OTHERS, [BEARER]),
        ([OLDER, MESSAGES], BEARER, [OLDER, MESSAGES]),
    ],
)
def test_what_was_tried_elsewhere_is_given_up_with_it(tried, way, left):
    assert with_way(tried, way) == [*left, way]


async def test_only_what_has_led_to_an_answer_is_remembered():
    service = Service(NOT_FOUND, NOT_FOUND, OF_CLAUDE, address=f"{RESOURCE}/openai/v1")
    await service.chat()
    lessons = await service.memory.lessons(service.target.endpoint.url, "m")
    assert [(lesson.parameter, lesson.instead) for lesson in lessons] == [(API, "messages")]
    assert [shown(request) for request in service.asked][1:] == [f"{DATED} api-key", f"{CLAUDE} api-key x-api-key"]


async def test_what_another_call_has_learnt_meanwhile_is_all_that_is_changed():
    async def refuse(request):
        learnt = Lesson("temperature", "", "no temperature", 0.0)
        await service.memory.learn(service.target.endpoint.url, "m", learnt)
        return httpx.Response(400, json={"error": {"message": "Something else."}})

    service = Service(refuse, httpx.Response(200, json=ANSWER))
    (*_, made) = await service.chat(temperature=0.5)
    assert isinstance(made, Completion)
    assert [json.loads(request.content).get("temperature") for request in service.asked] == [0.5, None]


@pytest.mark.parametrize(
    ("address", "answers", "asked"),
    [
        (f"{RESOURCE}/openai/v1", [NOT_FOUND], [f"{CHAT} api-key", f"{DATED} api-key", f"{CLAUDE} api-key x-api-key"]),
        (f"{RESOURCE}/openai/v1", [NO_DEPLOYMENT], [f"{CHAT} api-key", f"{CLAUDE} api-key x-api-key"]),
        (
            f"{RESOURCE}/api/projects/P", [NOT_FOUND],
            [
                f"{OF_PROJECT}/chat/completions api-key", f"{OF_PROJECT}/responses api-key", f"{CHAT} api-key",
                f"{DATED} api-key", f"{CLAUDE} api-key x-api-key",
            ],
        ),
        (f"{RESOURCE}/anthropic", [NOT_FOUND], [f"{CLAUDE} api-key x-api-key", f"{CHAT} api-key", f"{DATED} api-key"]),
        (f"{RESOURCE}/anthropic", [NO_DEPLOYMENT], [f"{CLAUDE} api-key x-api-key", f"{CHAT} api-key"]),
        (SERVERLESS, [NOT_FOUND], ["/chat/completions authorization", "/v1/chat/completions authorization"]),
        (
            f"{RESOURCE}/openai/responses?api-version=2025-04-01-preview", [NO_DEPLOYMENT],
            ["/openai/responses?api-version=2025-04-01-preview api-key", f"{CLAUDE} api-key x-api-key"],
        ),
        ("https://gw.contoso.example/openai/v1", [NOT_FOUND], [f"{CHAT} authorization"]),
        (
            "https://gw.contoso.example/openai/v1", [WRONG_KEY],
            [f"{CHAT} authorization", f"{CHAT} api-key", f"{CHAT} ocp-apim-subscription-key"],
        ),
        ("https://gw.contoso.example/v1", [WRONG_TOKEN], ["/v1/chat/completions authorization", "/v1/chat/completions api-key"]),
        (f"{RESOURCE}/anthropic", [OLD_VERSION], [f"{CLAUDE} api-key x-api-key", f"{CLAUDE} {WITH_SAMPLING} api-key x-api-key"]),
        # What is found out about the surface of Claude is tried there.
        (
            f"{RESOURCE}/openai/v1", [NO_DEPLOYMENT, WRONG_KEY, OF_CLAUDE],
            [f"{CHAT} api-key", f"{CLAUDE} api-key x-api-key", f"{CLAUDE} authorization"],
        ),
        (
            f"{RESOURCE}/openai/v1", [NO_DEPLOYMENT, OLD_VERSION, OF_CLAUDE],
            [f"{CHAT} api-key", f"{CLAUDE} api-key x-api-key", f"{CLAUDE} {WITH_SAMPLING} api-key x-api-key"],
        ),
        # A header that was refused at one address may be the right one at another.
        (
            f"{RESOURCE}/anthropic", [WRONG_KEY, NO_DEPLOYMENT, WRONG_TOKEN, httpx.Response(200, json=ANSWER)],
            [f"{CLAUDE} api-key x-api-key", f"{CLAUDE} authorization", f"{CHAT} authorization", f"{CHAT} api-key"],
        ),
    ],
)  # fmt: skip
async def test_no_way_is_tried_twice(address, answers, asked):
    service = Service(*answers, address=address)
    try:
        await service.chat()
    except FoundryError:
        assert len(answers) == 1
    assert [shown(request) for request in service.asked] == asked


class Tokens:
    """Gives tokens, or what it is told instead, and notes whether a fresh one is wanted."""

    def __init__(self, error=None):
        self.error, self.asked = error, []

    async def token(self, identity, scope, *, fresh=False):
        self.asked.append(fresh)
        if self.error:
            raise self.error
        return Secret(f"token-{len(self.asked)}")


@pytest.mark.parametrize(
    ("answers", "error", "fresh"),
    [
        ([WRONG_TOKEN], None, [False, True]),
        ([WRONG_TOKEN, BUSY, httpx.Response(200, json=ANSWER)], None, [False, True, False]),
        ([BUSY, httpx.Response(200, json=ANSWER)], None, [False, False]),
        ([WRONG_KEY], None, [False]),
        ([], FoundryError(ErrorKind.AUTH_TOKEN, "No token."), [False]),
    ],
)
async def test_a_fresh_token_is_asked_for_once_where_one_was_refused(answers, error, fresh):
    tokens = Tokens(error)
    service = Service(*answers, address=f"{RESOURCE}/openai/v1", identity=Identity("managed_identity"), tokens=tokens)
    try:
        await service.chat()
    except FoundryError:
        assert len(answers) < 2
    assert tokens.asked == fresh
