"""Whatever a service sends back of what it was called with, nobody sees it: by the real client, over a real socket."""

import base64
import json
import logging

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.backoff import RetryPolicy
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.diagnosis import diagnose
from connections.foundry.errors import FoundryError
from connections.foundry.transport import LARGEST_REFUSAL
from connections.foundry.values import (
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Header,
    Identity,
    Message,
    Target,
    TextDelta,
)
from connections.secret import MASK, Secret
from tests.connections.foundry.stub import DONE, STREAM_HEAD, event, whole, word
from tests.connections.foundry.test_masking import FORMS, KEY, percent, reveals

ONCE = RetryPolicy(attempts=1)


def said(text, **message):
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    return {
        "id": "chatcmpl-1",
        "model": "m",
        "choices": [choice],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }


def answer(data, status=200, *headers, escape=True):
    body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=escape).encode()
    return whole(status, body, *headers)


def error(**inner):
    return {"error": {"code": "BadRequest", "message": "no", **inner}}


def streamed(*parts, end=True):
    return STREAM_HEAD + b"".join(parts) + (word("", "stop") + DONE if end else b"")


def pieces(text, size):
    return [word(text[at : at + size]) for at in range(0, len(text), size)]


def delta(**fields):
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]})


TOOL = {"id": KEY, "type": "function", "function": {"name": f"f-{KEY}", "arguments": json.dumps({"k": KEY})}}
FILTERS = {KEY: {"filtered": True, "severity": KEY}}
B64 = base64.b64encode(f"user:{KEY}".encode()).decode()
ECHOES = {
    **{f"a text, {form}": answer(said(f"It is <{FORMS[form](KEY)}>.")) for form in FORMS},
    **{f"an error, {form}": answer(error(message=f"Key {FORMS[form](KEY)}."), 400) for form in FORMS},
    **{f"a stream in threes, {form}": streamed(*pieces(f"It is <{FORMS[form](KEY)}>.", 3)) for form in FORMS},
    "reasoning": answer(said("x", reasoning_content=KEY)),
    "a refusal": answer(said(None, refusal=f"No, {KEY}.")),
    "tool calls": answer(said(None, tool_calls=[TOOL])),
    "parts of a text": answer(said([{"type": "text", "text": KEY[:9]}, {"type": "text", "text": KEY[9:]}])),
    "id and model": answer({**said("x"), "id": KEY, "model": KEY, "system_fingerprint": KEY}),
    "the reason to finish": answer({**said("x"), "choices": [{"message": {"content": "x"}, "finish_reason": KEY}]}),
    "usage": answer({**said("x"), "usage": {"prompt_tokens": KEY, KEY: 1}}),
    "filters": answer({**said("x"), "prompt_filter_results": [{"content_filter_results": FILTERS}]}),
    "unknown fields": answer({**said("x"), "debug": {"headers": [{"authorization": f"Bearer {KEY}"}], KEY: [KEY]}}),
    "JSON in a text": answer(said(json.dumps({"echo": json.dumps({"key": KEY})}))),
    "letters as they are": answer(said(f"ä{KEY}ß🎉"), escape=False),
    "bytes that are no JSON": answer(f"no JSON, but {KEY}".encode()),
    "bytes that are no text": answer(b"\xff\xfe" + KEY.encode() + b"\xff"),
    "a web page": answer(f"<p title='{percent(KEY)}'>{KEY}</p>".encode(), 502),
    "an error as text": answer({"error": f"bad {KEY}"}, 400),
    "an error's code": answer(error(code=KEY), 400),
    "an error's param": answer(error(param=KEY, code="unsupported_parameter", message=f"Unsupported parameter: '{KEY}'"), 400),
    "an inner error": answer(error(innererror={"code": KEY, "content_filter_result": FILTERS}), 400),
    "a content filter": answer(error(code="content_filter", innererror={"content_filter_result": FILTERS}), 400),
    "a list of details": answer({"detail": [{"loc": ["body", KEY], "msg": KEY, "input": KEY}]}, 422),
    "an error in an error": answer(error(message=json.dumps(error(message=f"k={KEY}"))), 500),
    "an error as basic": answer(error(message=f"Authorization: Basic {B64}"), 401),
    "a long error": answer(error(message="." * 30_000 + KEY), 400),
    "an error at the cut": answer(b"." * (LARGEST_REFUSAL - len(KEY) // 2) + KEY.encode() * 9, 500),
    "an error at the cut of a sentence": answer(error(message="." * 290 + KEY), 500),
    "an error at the cut of what is kept": answer(error(message="." * (20_000 - 60) + KEY * 3), 500),
    "a status": b"HTTP/1.1 400 Bad " + KEY.encode() + b"\r\nContent-Length: 0\r\n\r\n",
    "a status that is none": f"HTTP/1.1 {KEY}\r\n\r\n".encode(),
    "no HTTP at all": f"{KEY} {KEY}\r\n\r\n".encode(),
    "ids of an answer": answer(said("x"), 200, f"x-request-id: {KEY}", f"apim-request-id: {percent(KEY)}"),
    "ids of an error": answer(error(), 400, f"x-ms-request-id: a-{KEY.encode().hex()}", f"x-ms-region: {KEY}"),
    "headers of a limit": answer(error(code="429"), 429, f"retry-after: {KEY}", f"x-ratelimit-remaining-tokens: {KEY}"),
    "an authentication header": answer(error(), 401, f"www-authenticate: Bearer realm={KEY}"),
    "a redirect": answer(b"", 307, f"location: https://elsewhere.invalid/{KEY}"),
    "cookies": answer(said("x"), 200, f"set-cookie: {KEY}=1", f"set-cookie: a b{KEY}; x=1", f"set-cookie: s={KEY}"),
    "a chunk that is none": streamed(event(f"no JSON {KEY}".encode())),
    "a chunk that is none, at the cut": streamed(event(b"x" * 90 + KEY.encode())),
    "an error in a stream": streamed(word("a"), event(error(message=KEY, code=KEY)), end=False),
    "an error as an event": streamed(b"event: error\n", event({"message": f"for {KEY}"}), end=False),
    "an error after 200": answer({"error": {"code": KEY, "message": f"Bearer {KEY}"}}),
    "a stream that breaks off": streamed(word("It is "), word(KEY[:-2]), end=False),
    "fields of a stream": streamed(event({"id": KEY, "model": KEY, "choices": [], "usage": {KEY: KEY}}), word("x")),
    "thoughts of a stream": streamed(*(delta(reasoning_content=KEY[at : at + 4]) for at in range(0, len(KEY), 4))),
    "refusals of a stream": streamed(*(delta(refusal=KEY[at : at + 4]) for at in range(0, len(KEY), 4))),
    "tool calls of a stream": streamed(
        *(delta(tool_calls=[{"index": 0, "id": KEY, "function": {"name": sign, "arguments": sign}}]) for sign in KEY)
    ),
    **{f"a stream cut at {at}": streamed(word(f"<{KEY[:at]}"), word(f"{KEY[at:]}>")) for at in range(1, len(KEY), 5)},
}  # fmt: skip


def target(stub, path="/openai/v1", key=KEY, **more):
    return Target("contoso", parse_endpoint(stub.url + path), Secret(key), **more)


async def everything(stub, to, caplog, **more):
    """All that comes out of one call, as one text."""
    client = FoundryClient(destinations=Destinations.parse(f"127.0.0.1:{stub.port}"), retry=ONCE)
    request = ChatRequest("m", (Message("user", "Where?"),), **more)
    shown, streamed_text = [], []
    try:
        async for found in client.chat(to, request):
            shown.append(repr(found))
            if isinstance(found, TextDelta):
                streamed_text.append(found.text)
            if isinstance(found, Completion):
                shown.append(json.dumps(found.raw, ensure_ascii=False))
                assert "".join(streamed_text) == found.text
    except FoundryError as failed:
        cause = failed
        while cause is not None:
            shown.append(repr(cause) + (repr(vars(cause)) if isinstance(cause, FoundryError) else ""))
            cause = None if cause.__suppress_context__ else cause.__cause__ or cause.__context__
    finally:
        await client.aclose()
    return "\n".join([*shown, "".join(streamed_text), caplog.text])


@pytest.mark.parametrize("echo", ECHOES)
async def test_nothing_that_comes_out_of_a_call_holds_the_key(stub, echo, caplog):
    caplog.set_level(logging.WARNING)
    server = await stub(ECHOES[echo])
    text = await everything(server, target(server), caplog)
    assert text
    assert not reveals(text, KEY), text
    assert KEY[:-2] not in text
    assert KEY[: len(KEY) // 2 + 2] not in text


RESPONSE = {"id": KEY, "object": "response", "status": "completed", "model": KEY}
MESSAGE = {
    "type": "message",
    "content": [{"type": "output_text", "text": KEY[:7]}, {"type": "output_text", "text": KEY[7:]}],
}
THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": KEY}]}
RESPONSES = {
    "whole": answer({**RESPONSE, "output": [MESSAGE, THOUGHT, {"type": "function_call", "call_id": KEY, "arguments": KEY}]}),
    "failed": answer({**RESPONSE, "status": "failed", "output": [], "error": {"code": KEY, "message": KEY}}),
    "streamed": STREAM_HEAD
    + b"".join(event({"type": "response.output_text.delta", "delta": sign}) for sign in KEY)
    + event({"type": "response.completed", "response": {**RESPONSE, "output": [MESSAGE]}}),
    "failed in a stream": STREAM_HEAD
    + event({"type": "response.failed", "response": {**RESPONSE, "error": {"code": KEY, "message": f"k {KEY}"}}}),
}  # fmt: skip


@pytest.mark.parametrize("echo", RESPONSES)
async def test_responses_hold_no_key(stub, echo, caplog):
    server = await stub(RESPONSES[echo])
    assert KEY not in await everything(server, target(server, "/openai/v1/responses"), caplog)


async def test_embeddings_and_lists_hold_no_key(stub):
    server = await stub(
        answer({"data": [{"index": 0, "embedding": [0.5]}], "model": KEY, "usage": {}}, 200, f"x-request-id: {KEY}"),
        answer({"data": [{"id": KEY, "model": f"m-{KEY}", "status": KEY}]}),
    )
    client = FoundryClient(destinations=Destinations.parse(f"127.0.0.1:{server.port}"), retry=ONCE)
    embedded = await client.embed(target(server), EmbeddingRequest("m", "x"))
    listed = await client.deployments(target(server))
    await client.aclose()
    assert embedded.vectors == ((0.5,),)
    assert (embedded.model, embedded.request_id) == (MASK, MASK)
    assert listed
    assert KEY not in repr(embedded) + repr(listed)


@pytest.mark.parametrize(
    "echo", ["a text, as it is", "an error, percent", "an error's code", "a web page", "ids of an error"]
)
async def test_a_diagnosis_holds_no_key(stub, echo):
    server = await stub(ECHOES[echo])
    client = FoundryClient(destinations=Destinations.parse(f"127.0.0.1:{server.port}"), retry=ONCE)
    result = await diagnose(client, target(server), "m")
    await client.aclose()
    shown = repr(result) + (repr(vars(result.error)) if result.error else "")
    assert not reveals(shown, KEY)


async def test_every_secret_of_a_connection_is_masked(stub, caplog):
    """Token, client secret and the value of another header, not only the key."""
    token, client_secret, extra = "eyJ0eXAi.eyJhdWQi.c2lnbmF0dXJl", "the~client~secret-42", "another-header-value"
    server = await stub(answer(error(message=f"{token} {client_secret} {extra}"), 400))

    class Tokens:
        async def token(self, identity, scope, *, fresh=False):
            return Secret(token)

        async def aclose(self):
            pass

    identity = Identity("client_secret", "tenant", "client", Secret(client_secret))
    to = target(server, key="", identity=identity, extra_header=Header("x-gateway", Secret(extra)))
    client = FoundryClient(destinations=Destinations.parse(f"127.0.0.1:{server.port}"), retry=ONCE, tokens=Tokens())
    with pytest.raises(FoundryError) as caught:
        await anext(client.chat(to, ChatRequest("m", (Message("user", "Where?"),))))
    await client.aclose()
    assert server.asked[0].headers["authorization"] == f"Bearer {token}"
    for secret in (token, client_secret, extra):
        assert secret not in repr(vars(caught.value))


async def test_an_error_is_read_to_its_64th_kibibyte_and_no_further(stub, caplog):
    async def endless(reader, writer):
        writer.write(b"HTTP/1.1 500 X\r\nContent-Type: text/plain\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()

    server = await stub(endless)
    text = await everything(server, target(server), caplog)
    assert "500: the service failed" in text


async def test_no_cookie_comes_back(stub):
    server = await stub(answer(said("x"), 200, "set-cookie: session=1"), answer(said("x")), keep_alive=True)
    client = FoundryClient(destinations=Destinations.parse(f"127.0.0.1:{server.port}"), retry=ONCE)
    for _ in range(2):
        async for _ in client.chat(target(server), ChatRequest("m", (Message("user", "Where?"),), stream=False)):
            pass
    await client.aclose()
    assert ["cookie" in asked.headers for asked in server.asked] == [False, False]


async def test_the_text_of_a_stream_that_holds_no_key_is_not_held_back(stub, talk):
    server = await stub(streamed(*(word(text) for text in ("Once ", "upon ", "a time"))))
    deltas = [found.text async for found in talk(server) if isinstance(found, TextDelta)]
    assert deltas == ["Once ", "upon ", "a time"]
