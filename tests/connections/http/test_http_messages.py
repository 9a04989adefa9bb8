"""What an answer of any service is read as, how much of it is, and how it fails."""

import asyncio

import httpx
import pytest

from connections.foundry.destinations import Destinations
from connections.foundry.transport import HttpAnswer
from connections.http.client import HttpClient, read_body
from connections.http.messages import OutgoingRequest, ReceivedAnswer, RequestFailed
from connections.secret import MASK, Secret
from tests.connections.foundry.stub import Stub, whole


@pytest.mark.parametrize(
    ("header", "content_type", "is_json"),
    [
        (None, "", False),
        (" Application/JSON ; charset=utf-8", "application/json", True),
        ("application/problem+json", "application/problem+json", True),
        ("text/json", "text/json", True),
        ("application/jsonp", "application/jsonp", False),
        ("text/html;x=/json", "text/html", False),
    ],
)
def test_the_type_of_a_content_is_read_out_of_its_header(header, content_type, is_json):
    answer = ReceivedAnswer(200, {} if header is None else {"content-type": header}, b"")
    assert (answer.content_type, answer.is_json) == (content_type, is_json)


@pytest.mark.parametrize(
    ("header", "body", "text"),
    [
        ("", "é".encode(), "é"),
        ("text/plain", b"\xff", "\ufffd"),
        ("text/plain; Charset=ISO-8859-1; x=y", b"\xe9", "é"),
        ("text/plain; charset=\"latin-1\"", b"\xe9", "é"),
        ("text/plain; charset= 'utf-16-le' ;x=y", b"e\0", "e"),
        ("text/plain; charset=ascii", b"\xff", "\ufffd"),
        ("text/plain; charset=klingon", b"\xc3\xa9\xff", "é\ufffd"),
        ("text/plain; charset=", b"\xc3\xa9", "é"),
    ],
)  # fmt: skip
def test_a_text_is_read_by_its_charset(header, body, text):
    assert ReceivedAnswer(200, {"content-type": header}, body).text == text


def test_a_request_shows_nothing_that_may_be_secret():
    request = OutgoingRequest("POST", "https://x", {"Authorization": "s3cret"}, b"s3cret", (Secret("planted-key"),) * 2)
    assert "s3cret" not in repr(request)
    assert request.masker.text("a planted-key") == f"a {MASK}"
    failed = RequestFailed("dns", "There is no host.")
    assert (failed.kind, failed.message, failed.hint, str(failed)) == ("dns", "There is no host.", "", failed.message)


def answer_of(*parts, encoding=None):
    async def stream():
        for part in parts:
            yield part

    headers = {} if encoding is None else {"content-encoding": encoding}
    request = httpx.Request("GET", "https://r.example/x")
    return HttpAnswer(httpx.Response(200, headers=headers, content=stream(), request=request))


@pytest.mark.parametrize("encoding", [None, "", "identity", "Identity"])
async def test_a_body_is_read_up_to_its_limit(encoding):
    assert await read_body(answer_of(b"ab", b"cd", encoding=encoding), 4) == b"abcd"
    with pytest.raises(RequestFailed) as failed:
        await read_body(answer_of(b"ab", b"cd", encoding=encoding), 3)
    assert (failed.value.kind, failed.value.message) == ("too_large", "The answer is larger than 3e-06 MB.")
    assert failed.value.hint == "Ask for less, or raise the size limit."


async def test_a_compressed_body_is_none_that_was_asked_for():
    with pytest.raises(RequestFailed, match="compressed") as failed:
        await read_body(answer_of(b"ab", encoding="gzip"), 4)
    assert failed.value.kind == "protocol"


async def ask(stub: Stub, **more):
    client = HttpClient(Destinations.parse(f"127.0.0.1:{stub.port}"))
    try:
        return await client.send(OutgoingRequest(more.pop("method", "GET"), f"{stub.url}/x", **more))
    finally:
        await client.aclose()


async def test_a_request_goes_with_its_own_headers_and_takes_nothing_compressed(stub):
    server = await stub(whole(200, b"ok"))
    await ask(server)
    assert (await ask(server, headers={"Accept": "text/plain", "Accept-Encoding": "gzip"})).body == b"ok"
    names = ("accept", "accept-encoding", "user-agent")
    assert [[each.headers[name] for name in names] for each in server.asked] == [
        ["*/*", "identity", "FoundryFlow"],
        ["text/plain", "identity", "FoundryFlow"],
    ]


async def test_what_was_asked_for_by_head_has_no_body(stub):
    server = await stub(b"HTTP/1.1 200 X\r\nContent-Length: 9000000\r\nContent-Encoding: gzip\r\n\r\n")
    assert (await ask(server, method="HEAD")).body == b""


async def test_an_answer_that_takes_too_long_is_given_up(stub):
    never = asyncio.Event()

    async def wait(reader, writer):
        await never.wait()

    with pytest.raises(RequestFailed) as failed:
        await ask(await stub(wait), timeout=0.05)
    never.set()
    assert (failed.value.kind, failed.value.message) == ("timeout", "The answer took longer than 0.05 s.")
