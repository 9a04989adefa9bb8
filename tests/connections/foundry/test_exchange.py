"""What is told of several refusals, and how long a service asks to wait."""

import json

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.answers import AttemptFailed
from connections.foundry.backoff import RetryPolicy
from connections.foundry.classify import MISSING_KEY
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.exchange import MOST_CHANGES, error_with_delay, most_telling
from connections.foundry.keys import UnwatchedKeys
from connections.foundry.values import ChatRequest, Completion, Message, Target, Waiting
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

    def __init__(self, *answers):
        self.answers, self.asked, self.keys, self.now = [*answers], [], Keys(), 1_000.0
        self.client = FoundryClient(
            destinations=Destinations(), transport=httpx.MockTransport(self), keys=self.keys, clock=lambda: self.now,
            sleep=self.sleep, retry=RetryPolicy(attempts=3, first=2.0),
        )  # fmt: skip
        self.target = Target("t", parse_endpoint("https://gw.contoso.example/v1"), Secret(KEY_OF_CONNECTION))

    async def sleep(self, seconds):
        self.now += seconds

    def __call__(self, request):
        self.asked.append(json.loads(request.content or b"null"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if callable(answer) else answer

    async def chat(self):
        return [event async for event in self.client.chat(self.target, REQUEST)]


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


async def test_a_service_that_refuses_something_each_time_is_given_up():
    def refuse(request):
        (name, *_) = [name for name in json.loads(request.content) if name.startswith("p")]
        return httpx.Response(400, json={"error": {"code": "unknown_parameter", "message": "no", "param": name}})

    service = Service(refuse)
    request = ChatRequest("m", REQUEST.messages, stream=False, extra={f"p{number}": 1 for number in range(40)})
    with pytest.raises(FoundryError) as refused:
        [event async for event in service.client.chat(service.target, request)]
    assert refused.value.kind is ErrorKind.UNSUPPORTED_PARAMETER
    assert len(service.asked) == MOST_CHANGES + 1
