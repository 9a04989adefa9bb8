"""When it is tried again, with what, and when not."""

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry.backoff import RetryPolicy, requested_delay
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Waiting
from tests.connections.foundry.stub import DONE, STREAM_HEAD, whole, word

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
