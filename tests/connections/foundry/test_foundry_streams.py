"""Streams as they come from real and from hostile servers, over real sockets."""

import asyncio
import contextlib
import json
import time

import pytest

from connections.foundry import transport
from connections.foundry.backoff import RetryPolicy
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Completion, TextDelta, Waited, Waiting
from tests.connections.foundry.stub import DONE, KEY, STREAM_HEAD, event, whole, word

FINISH = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


async def gathered(chat):
    return [item async for item in chat]


async def failed(chat):
    """The texts that were shown, and the error that ended the chat."""
    shown = []
    try:
        async for item in chat:
            if isinstance(item, TextDelta):
                shown.append(item.text)
    except FoundryError as error:
        return shown, error
    raise AssertionError("the chat succeeded")


async def test_text_is_handed_on_as_soon_as_its_bytes_arrive(stub, talk):
    seen = asyncio.Event()

    async def waits_until_its_first_word_was_seen(reader, writer):
        writer.write(STREAM_HEAD + word("one "))
        await writer.drain()
        await seen.wait()
        writer.write(word("two", "stop") + DONE)

    texts = []
    async with asyncio.timeout(5):
        async for item in talk(await stub(waits_until_its_first_word_was_seen)):
            if isinstance(item, TextDelta):
                texts.append(item.text)
                seen.set()
    assert texts == ["one ", "two"]


async def test_bytes_may_come_one_by_one(stub, talk):
    stream = word("é\u2028 ") + b": keep-alive\r\r" + word("🙂", "stop").replace(b"\n", b"\r\n") + DONE

    async def one_by_one(reader, writer):
        writer.write(STREAM_HEAD)
        for byte in stream:
            writer.write(bytes([byte]))
            await writer.drain()

    events = await gathered(talk(await stub(one_by_one)))
    assert events[-1].text == "é\u2028 🙂"


async def test_a_server_that_holds_a_finished_stream_open_is_not_waited_for(stub, talk):
    async def holds(reader, writer):
        writer.write(STREAM_HEAD + word("hi", "stop") + DONE)
        await writer.drain()
        await reader.read()

    started = time.monotonic()
    assert (await gathered(talk(await stub(holds))))[-1].text == "hi"
    assert time.monotonic() - started < 2


async def test_leaving_closes_the_socket_at_once(stub, talk):
    gone = asyncio.Event()

    async def endless(reader, writer):
        writer.write(STREAM_HEAD + word("hi"))
        await writer.drain()
        await reader.read()
        gone.set()

    chat = talk(await stub(endless))
    task = asyncio.create_task(anext(chat))
    assert (await task).text == "hi"
    waiting = asyncio.create_task(anext(chat))
    await asyncio.sleep(0)
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(1):
        await gone.wait()


@pytest.mark.parametrize(
    "rest",
    [b"", b'data: {"choices": [{"delta": {"con', word("more"), event({"choices": []})],
    ids=["after a word", "in a line", "after more", "after a chunk without choices"],
)
async def test_a_stream_that_ends_early_is_truncated(stub, talk, rest):
    shown, error = await failed(talk(server := await stub(STREAM_HEAD + word("hi ") + rest)))
    assert (error.kind, error.status) == (ErrorKind.TRUNCATED, 200)
    assert shown[0] == "hi "
    assert len(server.asked) == 1


async def test_a_connection_that_breaks_in_the_middle_is_truncated_and_not_tried_again(stub, talk):
    async def breaks(reader, writer):
        writer.write(CHUNKED_HEAD + chunked(word("hi")))
        await writer.drain()

    shown, error = await failed(talk(server := await stub(breaks)))
    assert (shown, error.kind, len(server.asked)) == (["hi"], ErrorKind.TRUNCATED, 1)


async def test_a_pause_too_long_in_the_middle_is_not_tried_again(stub, talk, monkeypatch):
    async def falls_silent(reader, writer):
        writer.write(STREAM_HEAD + word("hi"))
        await writer.drain()
        await reader.read()

    monkeypatch.setitem(transport.TIMEOUTS, "read", 0.1)
    shown, error = await failed(talk(server := await stub(falls_silent)))
    assert (shown, error.kind, len(server.asked)) == (["hi"], ErrorKind.TIMEOUT, 1)


async def test_a_connection_that_breaks_after_the_last_word_takes_nothing_away(stub, talk):
    async def breaks(reader, writer):
        writer.write(CHUNKED_HEAD + chunked(word("hi", "stop")))
        await writer.drain()

    assert (await gathered(talk(await stub(breaks))))[-1].text == "hi"


async def test_a_connection_that_breaks_before_the_answer_is_tried_again(stub, talk):
    server = await stub(b"", STREAM_HEAD + word("hi", "stop") + DONE)
    events = await gathered(talk(server))
    assert [type(item) for item in events] == [Waiting, Waited, TextDelta, Completion]


async def test_an_error_before_any_text_is_tried_again(stub, talk):
    limit = event({"error": {"code": "rate_limit_exceeded", "message": "Slow down."}})
    server = await stub(STREAM_HEAD + limit, STREAM_HEAD + word("hi", "stop") + DONE)
    assert (await gathered(talk(server)))[-1].text == "hi"
    assert len(server.asked) == 2


async def test_an_error_after_text_is_not_tried_again(stub, talk):
    limit = b"event: error\n" + event({"error": {"code": "rate_limit_exceeded", "message": f"{KEY} is slow"}})
    shown, error = await failed(talk(server := await stub(STREAM_HEAD + word("hi") + limit)))
    assert (shown, error.kind, error.status, len(server.asked)) == (["hi"], ErrorKind.RATE_LIMIT, 429, 1)
    assert KEY not in error.raw + error.message


USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": None}


@pytest.mark.parametrize(
    "stream",
    [
        word("hi") + FINISH + event({"choices": [], "usage": USAGE}) + DONE,
        word("hi") + event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": USAGE}),
        word("hi") + FINISH + event({"choices": [{"content_filter_results": {}}], "usage": None})
        + event({"usage": USAGE}) + DONE + word("ignored"),
        word("hi", "stop") + event({"choices": None, "usage": USAGE}) + b"data: [DONE]",
        b"\xef\xbb\xbf" + word("hi", "stop") + event({"choices": [{"index": 1, "delta": {"content": "no"}}], "usage": USAGE}),
    ],
    ids=["its own chunk", "finish chunk", "after annotations", "no blank line at the end", "byte order mark"],
)  # fmt: skip
async def test_usage_is_read_wherever_it_stands(stub, talk, stream):
    completion = (await gathered(talk(await stub(STREAM_HEAD + stream))))[-1]
    assert (completion.text, completion.finish_reason) == ("hi", "stop")
    assert (completion.usage.total_tokens, completion.usage.cached_tokens) == (3, None)


async def test_half_a_surrogate_pair_becomes_a_sign_that_every_database_takes(stub, talk):
    events = await gathered(
        talk(await stub(STREAM_HEAD + event(rb'{"choices":[{"delta":{"content":"a\ud83d"}}]}') + DONE))
    )
    assert events[-1].text == "a\ufffd"


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b"{}", b"[]", b'"text"', b'{"choices": []}', b'{"choices": [7]}', b"<html>", b"", b"\xff\xfe"],
)
async def test_an_answer_that_cannot_be_read_is_a_protocol_error(stub, talk, body):
    _, error = await failed(talk(await stub(whole(200, body, "Content-Type: application/json")), stream=False))
    assert (error.kind, error.status) == (ErrorKind.PROTOCOL, 200)


@pytest.mark.parametrize("data", [b"[" * 200_000, b"[1]", b"nonsense", b"7" * 5_000])
async def test_a_chunk_that_cannot_be_read_is_a_protocol_error(stub, talk, data):
    _, error = await failed(talk(await stub(STREAM_HEAD + event(data) + DONE)))
    assert error.kind is ErrorKind.PROTOCOL


async def test_an_endless_answer_is_bounded(stub, talk, monkeypatch):
    async def endless(reader, writer):
        writer.write(STREAM_HEAD)
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(word("x" * 10_000))
                await writer.drain()

    monkeypatch.setattr(transport, "LARGEST_BODY", 200_000)
    _, error = await failed(talk(server := await stub(endless)))
    assert (error.kind, len(server.asked)) == (ErrorKind.PROTOCOL, 1)
    assert "larger than" in error.message


async def test_a_connection_is_kept_and_used_again(stub, talk):
    stream = chunked(word("hi", "stop") + DONE) + b"0\r\n\r\n"
    server = await stub(whole(429, b"{}"), CHUNKED_HEAD + stream, keep_alive=True)
    assert (await gathered(talk(server)))[-1].text == "hi"
    assert (len(server.asked), server.connections) == (2, 1)


async def test_a_redirect_is_not_followed(stub, talk):
    elsewhere = await stub(whole(200, b"{}"))
    server = await stub(whole(307, b"", f"Location: {elsewhere.url}/openai/v1/chat/completions"))
    _, error = await failed(talk(server))
    assert (error.kind, error.status, elsewhere.asked) == (ErrorKind.PROTOCOL, 307, [])


async def test_compression_is_not_asked_for(stub, talk):
    server = await stub(STREAM_HEAD + word("hi", "stop") + DONE)
    await gathered(talk(server))
    assert server.asked[0].headers["accept-encoding"] == "identity"
    assert len(server.asked[0].headers) <= 10


async def test_the_answer_of_a_server_that_does_not_stream_is_taken_whole(stub, talk):
    answer = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "model": "m"}
    server = await stub(whole(200, json.dumps(answer).encode(), "Content-Type: application/json"))
    events = await gathered(talk(server))
    assert [item.text for item in events] == ["hi", "hi"]


STREAM = word("Hello", "stop") + DONE


@pytest.mark.parametrize("type", [(), ("Content-Type: application/json",), ("Content-Type: text/plain",)])
@pytest.mark.parametrize("stream", [STREAM, b"\n\n" + STREAM, b": hi\n\n" + STREAM, b"\xef\xbb\xbf" + STREAM])
async def test_a_stream_is_one_whatever_type_it_is_said_to_have(stub, talk, type, stream):
    texts, last = [], None
    async for item in talk(await stub(whole(200, stream, *type))):
        texts += [item.text] if isinstance(item, TextDelta) else []
        last = item
    assert (texts, last.finish_reason) == (["Hello"], "stop")


async def test_a_stream_without_a_type_may_come_byte_by_byte(stub, talk):
    async def one_by_one(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        for at in range(len(STREAM)):
            writer.write(STREAM[at : at + 1])
            await writer.drain()

    assert (await gathered(talk(await stub(one_by_one))))[-1].text == "Hello"


async def test_an_answer_in_one_piece_that_is_said_to_be_a_stream_is_taken_whole(stub, talk):
    body = json.dumps({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}).encode()
    answer = whole(200, body, "Content-Type: text/event-stream")
    assert (await gathered(talk(await stub(answer))))[-1].text == "Hello"


@pytest.mark.parametrize(
    ("error", "kind", "tries"),
    [
        ({"error": {"code": "429", "message": "Slower."}}, ErrorKind.RATE_LIMIT, 2),
        ({"error": {"code": "x", "status": 503, "message": "Down."}}, ErrorKind.SERVER, 2),
        ({"error": "It failed."}, ErrorKind.SERVER, 2),
        ({"object": "error", "message": "Slower.", "code": 429}, ErrorKind.RATE_LIMIT, 2),
        ({"error": {"type": "invalid_request_error", "message": "No."}}, ErrorKind.PROTOCOL, 1),
    ],
)
async def test_an_error_with_status_200_is_one_and_tried_again_when_its_kind_is(stub, talk, error, kind, tries):
    server = await stub(whole(200, json.dumps(error).encode(), "Content-Type: application/json"))
    _, failure = await failed(talk(server, retry=RetryPolicy(attempts=2, first=0.01, most=0.02)))
    assert (failure.kind, len(server.asked)) == (kind, tries)


# As Microsoft's own simulator (aoai-api-simulator) answers: no content type, odd names, a bare [DONE].
SIMULATED = (
    event({"model_name": "gpt", "choices": [{"delta": {"role": "assistant", "index": 0, "finish_reason": None}}]})
    + event({"model_name": "gpt", "choices": [{"delta": {"content": "lorem ", "index": 0, "finish_reason": None}}]})
    + event({"model_name": "gpt", "choices": [{"delta": {"content": None, "index": 0, "finish_reason": "length"}}]})
    + b"[DONE]"
)


async def test_the_simulator_of_microsoft_is_understood(stub, talk):
    server = await stub(
        whole(404, b'{"error": "Deployment m not found"}'),
        whole(429, b'{"error": {"code": "429", "message": "Requests to the OpenAI API Simulator have exceeded"}}', "Retry-After: 0"),
        whole(200, SIMULATED),
    )  # fmt: skip
    path = "/openai/deployments/m?api-version=2024-10-21"
    _, missing = await failed(talk(server, path))
    assert missing.kind is ErrorKind.NOT_FOUND_DEPLOYMENT
    done = (await gathered(talk(server, path)))[-1]
    assert (done.text, done.finish_reason, done.usage.total_tokens) == ("lorem ", "length", 0)
