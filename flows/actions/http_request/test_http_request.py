import asyncio
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connections.foundry.destinations import Destinations
from connections.http.client import HttpClient
from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionWaiting, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.language.values import display_json
from flows.lint.linter import problems

TOKEN = "planted-token-of-ada"
JSON = {"Content-Type": "application/json"}


class Service(BaseHTTPRequestHandler):
    """Answers what `answer` makes of a request, and keeps what came."""

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.came.append((self.command, self.path, self.headers, body))
        status, headers, content = self.server.answer(self.path, self.headers, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    server.came, server.answer = [], lambda *_: (200, JSON, b'{"ok": true}')
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def document(retry=None, **properties):
    action = {"id": "h", "type": "http_request", "properties": properties, **({"retry": retry} if retry else {})}
    inputs = [{"name": "token", "type": "secret"}, {"name": "name", "type": "text"}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]})


async def run(service, journal=None, destinations=None, **properties):
    journal = journal or MemoryJournal()
    client = HttpClient(destinations or Destinations.parse(f"127.0.0.1:{service.server_port}"))
    try:
        given = {"url": service.url, **properties}
        inputs = {"token": TOKEN, "name": 'Ada "Bo"'}
        await execute(document(**given), inputs, journal, MemoryServices(http=client))
    finally:
        await client.aclose()
    inputs = [event.inputs for event in journal.events if hasattr(event, "inputs")]
    assert TOKEN not in json.dumps([inputs, display_json(journal.events[-1].output)])
    return journal.events[-1].output


async def failure(service, **properties):
    with pytest.raises(RunFailed) as failed:
        await run(service, **properties)
    error = failed.value.error
    assert TOKEN not in f"{error.message} {error.hint} {error.raw} {error.facts}"
    return error


async def test_json_comes_as_a_value_with_status_and_headers(service):
    got = await run(service, url="{{ '" + service.url + "' }}/a?b=1", query={"page": 2, "tag": ["x", "y z"]})

    assert (got["status"], got["json"], got["text"]) == (200, {"ok": True}, "")
    assert got["headers"]["content-type"] == "application/json"
    method, path, headers, body = service.came[0]
    assert (method, path, body) == ("GET", "/a?b=1&page=2&tag=x&tag=y+z", "")
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("authentication", "more", "header", "sent"),
    [
        ("bearer token", {}, "Authorization", f"Bearer {TOKEN}"),
        ("API key", {}, "X-API-Key", TOKEN),
        ("API key", {"key_header": "api-key"}, "api-key", TOKEN),
        ("basic", {"user_name": "ada"}, "Authorization", f"Basic {base64.b64encode(f'ada:{TOKEN}'.encode()).decode()}"),
    ],
)
async def test_a_credential_is_sent_and_masked_where_it_comes_back(service, authentication, more, header, sent):
    service.answer = lambda _, headers, __: (200, {"X-Echo": headers[header]}, json.dumps([headers[header]]).encode())

    got = await run(service, authentication=authentication, credential="{{ token }}", **more)

    assert service.came[0][2][header] == sent
    assert TOKEN not in json.dumps(display_json(got))
    assert base64.b64encode(f"ada:{TOKEN}".encode()).decode() not in json.dumps(display_json(got))


async def test_headers_query_and_body_may_hold_whole_secrets(service):
    await run(
        service,
        method="POST",
        headers={"X-Token": "{{ token }}", "authorization": "{{ 'Basic ' ~ name[:3] }}"},
        query={"code": "{{ token }}"},
        body={"client": "{{ name }}", "nested": [{"secret": "{{ token }}"}]},
    )

    _, path, headers, body = service.came[0]
    assert (headers["X-Token"], headers["authorization"], path) == (TOKEN, "Basic Ada", f"/?code={TOKEN}")
    assert json.loads(body) == {"client": 'Ada "Bo"', "nested": [{"secret": TOKEN}]}
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "format", "sent", "type"),
    [
        ("a {{ name }}", None, 'a Ada "Bo"', "text/plain; charset=utf-8"),
        ("{{ name }}", "JSON", '"Ada \\"Bo\\""', "application/json"),
        ('{"a": 1}', "JSON", '{"a": 1}', "application/json"),
        ({"grant_type": "x y", "secret": "{{ token }}"}, "form", f"grant_type=x+y&secret={TOKEN}",
         "application/x-www-form-urlencoded"),
    ],
)  # fmt: skip
async def test_a_body_is_json_text_or_a_form(service, body, format, sent, type):
    await run(service, method="POST", body=body, **({"body_format": format} if format else {}))
    assert (service.came[0][3], service.came[0][2]["Content-Type"]) == (sent, type)


async def test_parts_of_an_answer_are_secrets_from_then_on(service):
    answer = {"access_token": "fresh-token-1234", "customers": [{"key": "key-of-ada-1"}, {"key": "key-of-bo-22"}]}
    service.answer = lambda *_: (200, {**JSON, "Set-Cookie": "session=planted"}, json.dumps(answer).encode())
    journal = MemoryJournal()

    got = await run(service, journal, secret_parts="access_token, customers[*].key")

    assert got["json"]["access_token"] == Secret("fresh-token-1234")
    assert [each["key"] for each in got["json"]["customers"]] == [Secret("key-of-ada-1"), Secret("key-of-bo-22")]
    assert got["headers"]["set-cookie"] == Secret("session=planted")
    assert journal.secrets.stand_in("it says fresh-token-1234")


@pytest.mark.parametrize(
    ("status", "headers", "content", "properties", "kind", "words"),
    [
        (401, JSON, b'{"error": "no %s"}', {}, "unauthorized", "Check Authentication"),
        (404, JSON, b"{}", {}, "not_found", "status 404"),
        (422, JSON, b"{}", {}, "http_status", "status 422"),
        (429, JSON, b"{}", {}, "rate_limit", "status 429"),
        (503, {}, b"<html>", {}, "server", "status 503"),
        (302, {"Location": "https://evil.example/a?sig=abc"}, b"", {}, "redirect", "https://evil.example/a,"),
        (200, JSON, b"{broken", {}, "invalid_json", "not JSON"),
        (200, {}, b"key=planted", {"secret_parts": "key"}, "invalid_json", "not JSON"),
        (200, {}, b"text", {"response_format": "JSON"}, "invalid_json", "not JSON"),
        (200, {}, b"x" * 2_000, {"size_limit": 0.001}, "too_large", "0.001 MB"),
        (200, {"Content-Encoding": "gzip"}, b"x", {}, "protocol", "compressed"),
    ],
)  # fmt: skip
async def test_what_a_service_does_wrong_is_a_typed_error(service, status, headers, content, properties, kind, words):
    service.answer = lambda *_: (status, headers, content.replace(b"%s", TOKEN.encode()))
    error = await failure(service, authentication="bearer token", credential="{{ token }}", **properties)
    assert (error.kind, words in f"{error.message} {error.hint}") == (kind, True), f"{error.message} {error.hint}"
    assert "planted" not in error.raw
    assert len(service.came) == 1


async def test_an_error_status_can_be_a_result(service):
    service.answer = lambda *_: (404, JSON, b'{"error": {"code": "NoSuchCustomer"}}')
    got = await run(service, error_status="go on")
    assert (got["status"], got["json"]["error"]["code"]) == (404, "NoSuchCustomer")
    error = await failure(service, secret_parts="error.code")
    assert (error.status, "NoSuchCustomer" in error.raw) == (404, False)


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({"url": "ftp://a.example"}, "url", "no URL"),
        ({"url": "https://ada:pass@a.example"}, "url", "user name"),
        ({"url": "https://a.example/?api_key=abc"}, "url", "api_key stands in the URL"),
        ({"url": "http://a.example"}, "blocked_destination", "Only https"),
        ({"url": "https://127.0.0.1:1/"}, "blocked_destination", "loopback"),
        ({"url": "https://localhost:1/"}, "blocked_destination", "loopback"),
        ({"headers": {"Host": "evil.example"}}, "input", "'Host' cannot be the name"),
        ({"headers": {"X-A": "a\r\nb: c"}}, "input", "X-A holds a character"),
        ({"authentication": "basic", "credential": "", "user_name": "a"}, "property_missing", "is empty"),
        ({"secret_parts": "a..b"}, "input", "is no path"),
        ({"body": "text", "body_format": "form"}, "input", "form is an object"),
        ({"headers": "text"}, "expression", "is not an object"),
        ({"url": "{{ token }}"}, "expression", "secret"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_request_is_said_before_it_is_sent(service, properties, kind, words):
    error = await failure(service, **properties)
    assert (error.kind, words in f"{error.message} {error.hint}") == (kind, True), error.message
    assert service.came == []


async def test_nobody_waits_longer_than_the_time_limit(service):
    waiting = threading.Event()
    service.answer = lambda *_: (waiting.wait(5), (200, {}, b""))[1]
    started = asyncio.get_running_loop().time()
    assert (await failure(service, timeout=0.3)).kind == "timeout"
    assert asyncio.get_running_loop().time() - started < 3
    waiting.set()


@pytest.mark.parametrize(
    ("method", "status", "on", "times"),
    [
        ("GET", 503, [], 2),
        ("PUT", 503, [], 2),
        ("POST", 503, [], 1),
        ("POST", 429, [], 2),
        ("POST", 503, ["server"], 2),
    ],
)
async def test_retry_repeats_what_may_be_repeated(service, method, status, on, times):
    service.answer = lambda *_: (status, {}, b"")
    journal = MemoryJournal()
    with pytest.raises(RunFailed):
        await run(service, journal, method=method, retry={"attempts": 2, "delay": 0, "on": on})
    assert len(service.came) == times
    assert sum(isinstance(event, ActionWaiting) for event in journal.events) == times - 1


def test_lint_says_what_does_not_go_together():
    said = [
        problem.message
        for properties in (
            {"authentication": "basic", "credential": "{{ token }}"},
            {"credential": "{{ token }}"},
            {"authentication": "API key"},
            {"secret_parts": "a..b"},
            {"url": "https://a.example/?sig={{ name }}"},
            {"query": {"page_token": "{{ name }}"}},
        )
        for problem in problems(document(**{"url": "https://a.example", **properties}))
    ]
    assert [sentence.split(":")[0].split(",")[0] for sentence in said] == [
        "User is missing",
        "Authentication is not chosen",
        "Token",
        "Secret parts",
        "sig stands in the URL",
    ]
