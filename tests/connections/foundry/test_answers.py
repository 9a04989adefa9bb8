"""An HTTP answer, and what it means or why it means nothing."""

import json

import httpx
import pytest

from connections.foundry.answers import (
    AnswerContext,
    AttemptFailed,
    failure_of,
    read_completion,
    read_data,
    reported_status,
)
from connections.foundry.errors import ErrorKind
from connections.foundry.masking import Masker
from connections.foundry.routes import Api
from connections.foundry.transport import LARGEST_REFUSAL, HttpAnswer
from connections.foundry.values import Completion, TextDelta
from connections.secret import MASK

KEY = "planted-key-0123456789"
CONTEXT = AnswerContext("https://contoso.example/v1", "m", "contoso.example", Masker([KEY]))
WHOLE = {"choices": [{"message": {"content": f"Hi {KEY}"}, "finish_reason": "stop"}], "usage": {"total_tokens": 1}}
CHUNK = {"choices": [{"delta": {"content": "Hi"}}]}
END = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def answer(content, type="application/json", status=200, **headers):
    named = {"content-type": type, "x-request-id": "r1", **headers}
    return HttpAnswer(httpx.Response(status, headers=named, content=content))


def events(*said):
    return "".join(f"data: {each if isinstance(each, str) else json.dumps(each)}\n\n" for each in said).encode()


async def read(given):
    """The text that was shown, and the completion."""
    found = [event async for event in read_completion(given, CONTEXT, Api.CHAT)]
    (made,) = (event for event in found if isinstance(event, Completion))
    return "".join(event.text for event in found if isinstance(event, TextDelta)), made


@pytest.mark.parametrize("blanks", [0, 300_000])
async def test_no_secret_comes_out_of_an_answer_in_one_piece(blanks):
    said, made = await read(answer(json.dumps(WHOLE) + " " * blanks))
    assert (said, made.text, made.request_id, made.status) == (f"Hi {MASK}", f"Hi {MASK}", "r1", 200)
    assert KEY not in str(made.raw)


async def test_what_holds_no_secret_is_handed_on_as_it_is():
    assert await read_data(answer(b'{"a": [1]}'), CONTEXT, lambda data: data) == {"a": [1]}
    assert await read_data(answer(json.dumps([KEY])), CONTEXT, lambda data: data) == [MASK]
    assert await read_data(answer(json.dumps({"x": KEY})), CONTEXT, lambda data: {KEY: data["x"]}) == {KEY: MASK}


@pytest.mark.parametrize("type", ["text/event-stream", "text/plain", "application/json"])
@pytest.mark.parametrize(
    "begins", [b"", b"\n \n", b": comment\n\n", b"event: x\n", b"id: 1\n", b"retry: 9\n", b"\xef\xbb\xbf"]
)
async def test_a_stream_is_one_whatever_it_is_called(type, begins):
    said, made = await read(answer(begins + events(CHUNK, END, "[DONE]"), type))
    assert (said, made.text, made.finish_reason) == ("Hi", "Hi", "stop")


async def test_a_stream_may_begin_with_what_nobody_knows_where_it_is_called_one():
    assert (await read(answer(b"unknown: 1\n" + events(CHUNK, END, "[DONE]"), "text/event-stream")))[0] == "Hi"


async def test_a_long_error_in_a_stream_ends_without_half_a_secret():
    message = "x" * (LARGEST_REFUSAL - 40) + KEY * 3
    with pytest.raises(AttemptFailed) as failed:
        await read(answer(events({"error": {"code": "429", "message": message}}), "text/event-stream"))
    assert KEY[:4] not in failed.value.error.raw + failed.value.error.message


@pytest.mark.parametrize("begins", ["", " \n"])
async def test_an_answer_in_one_piece_is_one_although_it_is_called_a_stream(begins):
    said, _ = await read(answer(begins + json.dumps(WHOLE), "text/event-stream"))
    assert said == f"Hi {MASK}"
    with pytest.raises(AttemptFailed, match="The answer cannot be read"):
        await read(answer("[1]", "text/event-stream"))


async def test_the_last_word_counts_without_a_line_end():
    assert (await read(answer(events(CHUNK, END) + b"data: [DONE]", "text/event-stream")))[0] == "Hi"
    with pytest.raises(AttemptFailed) as cut:
        await read(answer(events(CHUNK), "text/event-stream"))
    assert (cut.value.error.kind, cut.value.final) == (ErrorKind.TRUNCATED, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (events(CHUNK, f"no {KEY} JSON"), f"The stream is broken: a chunk is not JSON: 'no {MASK} JSON'"),
        (events("x" * 200), f"The stream is broken: a chunk is not JSON: '{'x' * 100}'"),
        (events("[1]"), "The stream is broken: a chunk is not an object"),
    ],
)
async def test_a_broken_stream_is_said_with_the_beginning_of_what_came(content, message):
    with pytest.raises(AttemptFailed) as broken:
        await read(answer(content, "text/event-stream"))
    error = broken.value.error
    assert (error.message, error.kind, error.request_id, broken.value.final) == (
        message,
        ErrorKind.PROTOCOL,
        "r1",
        True,
    )


@pytest.mark.parametrize(("before", "final"), [((), False), ((CHUNK,), True)])
async def test_an_error_in_a_stream_is_tried_again_only_where_nothing_was_shown(before, final):
    error = {"error": {"code": "429", "message": f"Slow down, {KEY}"}}
    with pytest.raises(AttemptFailed) as failed:
        await read(answer(events(*before, error), "text/event-stream"))
    assert (failed.value.error.kind, failed.value.final) == (ErrorKind.RATE_LIMIT, final)
    assert KEY not in failed.value.error.message + failed.value.error.raw


async def test_what_is_no_json_is_shown_without_secrets():
    with pytest.raises(AttemptFailed, match="it is not JSON") as failed:
        await read(answer(f"<html>{KEY}</html>"))
    assert (failed.value.error.raw, failed.value.final) == (f"<html>{MASK}</html>", True)


@pytest.mark.parametrize(("status", "redirects"), [(299, False), (300, True), (399, True), (400, False)])
async def test_a_redirection_is_not_followed(status, redirects):
    failed = await failure_of(answer(b"{}", status=status), CONTEXT)
    assert ("redirects elsewhere" in failed.error.message, failed.final) == (redirects, redirects)
    assert failed.error.status == status


@pytest.mark.parametrize("held", [0, 9])
async def test_a_long_error_ends_without_half_a_secret(held):
    text = "x" * (LARGEST_REFUSAL - held) + KEY
    failed = await failure_of(answer(text, "text/plain", 500), CONTEXT)
    assert KEY[:4] not in failed.error.raw + failed.error.message


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"error": {"code": "429"}}', 429),
        ('{"error": {"status": 503, "code": "rate_limit_exceeded"}}', 503),
        ('{"error": {"code": "x", "type": "overloaded_error"}}', 529),
        ('{"statusCode": 404}', 404),
        ('{"error": {"code": "200"}}', 500),
        ('{"error": {"code": "4040"}}', 500),
        ('{"error": "words"}', 500),
        ("[]", 500),
        ("no JSON", 500),
    ],
)
def test_an_error_inside_of_an_answer_has_the_status_that_it_names(text, status):
    assert reported_status(text) == status
