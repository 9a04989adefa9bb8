"""When it is tried again, with what, and when not."""

import time
from dataclasses import replace
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry import backoff
from connections.foundry.backoff import RetryPolicy, requested_delay, seconds_until
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.keys import UnwatchedKeys
from connections.foundry.values import ChatRequest, Message, Waiting
from connections.secret import Secret
from tests.connections.foundry.stub import DONE, KEY, QUICK, STREAM_HEAD, target, whole, word

NOW = 1_800_000_000.0
LIMIT = FoundryError(ErrorKind.RATE_LIMIT, "429")


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, "", 0.25),
        ({"x-ms-retry-after-ms": "1500"}, "", 1.5),
        ({"retry-after": "7"}, "Try again in 26 seconds.", 7),
        ({"retry-after": formatdate(NOW + 12, usegmt=True)}, "", 12),
        ({"retry-after": formatdate(NOW - 12, usegmt=True)}, "", None),
        ({}, "Please retry after 26 seconds.", 26),
        ({}, "Try again in 1.5s", 1.5),
        ({"retry-after": "86400"}, "", 86400),
        ({"retry-after-ms": "0", "retry-after": "0"}, "", None),
        ({"retry-after": "-5"}, "", None),
        ({"retry-after": "soon"}, "", None),
        ({}, "", None),
    ],
)
def test_the_wait_that_is_asked_for(headers, text, seconds):
    assert requested_delay(headers, text, NOW) == seconds


@given(st.text(max_size=30), st.text(max_size=60))
def test_no_header_breaks_the_policy(value, text):
    asked = requested_delay({"retry-after": value, "retry-after-ms": value}, text, NOW)
    assert asked is None or asked > 0


@given(st.integers(1, 3))
def test_without_a_word_of_the_service_the_backoff_is_jittered_and_capped(attempt):
    delay = RetryPolicy(first=1, most=3).delay(attempt, LIMIT, {}, NOW, 0)
    assert delay is not None
    assert 0 <= delay <= min(3, 2 ** (attempt - 1))


@pytest.mark.parametrize(
    ("attempt", "error", "headers", "spent"),
    [
        (4, LIMIT, {}, 0),
        (1, LIMIT, {"retry-after": "121"}, 0),
        (1, LIMIT, {"retry-after": "20"}, 290),
        (1, FoundryError(ErrorKind.AUTH_KEY, "401"), {}, 0),
        (1, FoundryError(ErrorKind.CONTENT_FILTER, "400"), {"retry-after": "1"}, 0),
        (1, FoundryError(ErrorKind.QUOTA, "429"), {}, 0),
    ],
    ids=["last attempt", "longer than bearable", "beyond the deadline", "key", "content filter", "quota"],
)
def test_when_it_is_not_tried_again(attempt, error, headers, spent):
    assert RetryPolicy().delay(attempt, error, headers, NOW, spent) is None


async def test_a_wait_is_said_with_its_end(stub, talk):
    server = await stub(whole(429, b"{}", "retry-after-ms: 20"), STREAM_HEAD + word("hi", "stop") + DONE)
    first, *_ = [event async for event in talk(server)]
    assert isinstance(first, Waiting)
    assert first.attempt == 1
    assert abs(first.until - time.time()) < 5


async def test_a_wait_too_long_fails_at_once_and_says_so(stub, talk):
    server = await stub(whole(429, b"{}", "retry-after: 86400"))
    with pytest.raises(FoundryError) as caught:
        [event async for event in talk(server)]
    assert "86,400 s" in caught.value.hint
    assert len(server.asked) == 1


async def test_a_model_that_failed_behind_the_service_is_asked_once_more(stub, talk):
    server = await stub(whole(424, b"{}"))
    with pytest.raises(FoundryError):
        [event async for event in talk(server)]
    assert len(server.asked) == 2


async def test_a_service_that_says_not_to_try_again_is_believed(stub, talk):
    server = await stub(whole(503, b"{}", "x-should-retry: false"))
    with pytest.raises(FoundryError):
        [event async for event in talk(server)]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0)], ids=["half a second", "a second", "two seconds"]
)
def test_the_backoff_doubles_from_half_a_second(monkeypatch, attempt, longest):
    bounds = []
    monkeypatch.setattr(backoff.JITTER, "uniform", lambda least, most: bounds.append((least, most)) or most)
    assert RetryPolicy().delay(attempt, LIMIT, {}, NOW, 0) == longest
    assert bounds == [(0, longest)]


def test_the_backoff_is_capped(monkeypatch):
    monkeypatch.setattr(backoff.JITTER, "uniform", lambda least, most: most)
    assert RetryPolicy(attempts=20).delay(15, LIMIT, {}, NOW, 0) == 8.0


def test_bounds_are_kept_to_the_second():
    policy = RetryPolicy()
    assert policy.delay(3, LIMIT, {"retry-after": "1"}, NOW, 0) == 1
    assert policy.delay(1, LIMIT, {"retry-after": "120"}, NOW, 0) == 120
    assert policy.delay(1, LIMIT, {"retry-after": "20"}, NOW, 280) == 20
    assert policy.delay(1, LIMIT, {"retry-after": "20"}, NOW, 280.5) is None


@pytest.mark.parametrize("kind", [ErrorKind.RATE_LIMIT, ErrorKind.SERVER, ErrorKind.CONNECT, ErrorKind.TIMEOUT])
def test_what_may_pass_is_tried_again(kind):
    assert RetryPolicy().delay(1, FoundryError(kind, "later"), {"retry-after": "1"}, NOW, 0) == 1


@pytest.mark.parametrize("kind", sorted({*ErrorKind} - {"rate_limit", "server", "connect", "timeout"}))
def test_what_stays_is_not(kind):
    assert RetryPolicy().delay(1, FoundryError(kind, "never"), {"retry-after": "1"}, NOW, 0) is None


def test_a_failure_behind_the_service_has_two_attempts_unless_fewer_are_allowed():
    behind = FoundryError(ErrorKind.SERVER, "424", status=424)
    assert RetryPolicy().delay(1, behind, {"retry-after": "1"}, NOW, 0) == 1
    assert RetryPolicy().delay(2, behind, {"retry-after": "1"}, NOW, 0) is None
    assert RetryPolicy(attempts=1).delay(1, behind, {"retry-after": "1"}, NOW, 0) is None


def test_only_a_plain_no_is_a_no():
    assert RetryPolicy().delay(1, LIMIT, {"x-should-retry": "false", "retry-after": "1"}, NOW, 0) is None
    assert RetryPolicy().delay(1, LIMIT, {"x-should-retry": "true", "retry-after": "1"}, NOW, 0) == 1


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("", 0),
        ("soon", 0),
        (formatdate(NOW + 5, usegmt=True), 5),
        (formatdate(NOW - 5, usegmt=True), -5),
        ("Fri, 99 Foo 9999 00:00:00 GMT", 0),
    ],
)
def test_seconds_until_a_date(date, seconds):
    assert seconds_until(date, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry-after": " 3 "}, "", 3),
        ({"retry-after": "0.5"}, "", 0.5),
        ({"retry-after": "1."}, "", None),
        ({"retry-after-ms": "0", "retry-after": "2"}, "", 2),
        ({"x-ms-retry-after-ms": "10", "retry-after": "2"}, "", 0.01),
        ({}, "RETRY AFTER 4 SECONDS", 4),
        ({}, "try again in 0 seconds", None),
        ({}, "try again in 5 minutes", None),
    ],
)
def test_other_ways_to_ask_for_a_wait(headers, text, seconds):
    assert requested_delay(headers, text, NOW) == seconds


async def test_a_try_after_a_wait_sends_the_key_of_the_moment(stub):
    class Watch(UnwatchedKeys):
        def __init__(self) -> None:
            self.used: list[str] = []

        def note_use(self, target):
            self.used.append(target.key.reveal())

    server = await stub(whole(429, b"{}", "retry-after-ms: 20"), STREAM_HEAD + word("hi", "stop") + DONE)
    watch = Watch()
    client = FoundryClient(destinations=Destinations.parse(f"127.0.0.1:{server.port}"), retry=QUICK, keys=watch)
    request = ChatRequest("m", (Message("user", "Where?"),))

    async def renew(target):
        return replace(target, key=Secret("second-key"))

    [event async for event in client.chat(target(f"{server.url}/openai/v1"), request, renew=renew)]
    await client.aclose()
    assert watch.used == [KEY, "second-key"]
    assert "second-key" in str(server.asked[1].headers)
