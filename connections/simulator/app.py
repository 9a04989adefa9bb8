"""The simulator: an ASGI app that answers like Foundry on every family of paths, and says that it is simulated.

Key: `simulator`. Paths: /openai/v1, /openai/deployments/D, /models, /api/projects/P, /v1. `faults.py` lists the
deployments that go wrong on purpose.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from connections.simulator.faults import Faults, Refusal, error, first_delay
from connections.simulator.replies import Reply, embeddings, last_text, listing

KEY = "simulator"
LARGEST_REQUEST = 32 * 1024 * 1024  # bytes
WORD_DELAY = 0.015  # seconds
LISTS = ("list", "models", "deployments")
INFERENCE_FIELDS = frozenset(
    [
        "messages",
        "model",
        "frequency_penalty",
        "presence_penalty",
        "temperature",
        "top_p",
        "max_tokens",
        "stream",
        "stop",
        "seed",
        "tools",
        "tool_choice",
        "response_format",
    ]
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Route:
    """A request taken apart. `family` is v1, deployment, models, project or compatible."""

    family: str
    operation: str
    deployment: str | None = None


def route_of(path: str) -> Route | None:
    patterns = (
        (r"/openai/deployments/([^/]+)/(chat/completions|embeddings)", "deployment"),
        (r"/openai/deployments()", "deployment-list"),
        (r"/openai/v1()/(chat/completions|responses|embeddings|models)", "v1"),
        (r"/openai()/(responses|models)", "dated"),
        (r"/models()/(chat/completions|embeddings)", "models"),
        (r"/api/projects/[^/]+()/openai/v1/(chat/completions|responses)", "project"),
        (r"/api/projects/[^/]+()/(deployments)", "project"),
        (r"/v1()/(chat/completions|responses|embeddings|models)", "compatible"),
    )
    for pattern, family in patterns:
        if found := re.fullmatch(pattern, path.rstrip("/")):
            operation = found[2] if found.lastindex and found.lastindex > 1 else "list"
            return Route(family, operation, unquote(found[1]) or None)
    return None


class Simulator:
    """Holds the counters of its faults. `delay` is the pause between words in seconds."""

    def __init__(self, delay: float = WORD_DELAY) -> None:
        self._delay = delay
        self._faults = Faults()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await read(receive)
        answer = Answer(send)
        if request is None:
            await answer.refuse(error(413, "413", "The request is too large."))
            return
        await until_gone(self.respond(scope, request, answer), receive)

    async def respond(self, scope: Scope, raw: bytes, answer: Answer) -> None:
        route = route_of(scope["path"])
        query = parse_qs(scope["query_string"].decode("latin-1"))
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self.refusal(route, query, headers)
        if refused or route is None:
            await answer.refuse(refused or error(404, "404", "Resource not found"))
            return
        if (scope["method"] == "GET") != (route.operation in LISTS):
            await answer.refuse(error(404, "404", "Resource not found"))
            return
        if route.operation in LISTS:
            await answer.json(listing(route.family, route.operation))
            return
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            await answer.refuse(error(400, "BadRequest", "The request body is not a JSON object."))
            return
        await self.operate(route, body, headers, answer)

    def refusal(self, route: Route | None, query: dict[str, list[str]], headers: dict[str, str]) -> Refusal | None:
        if route is None:
            return error(404, "404", "Resource not found")
        if refused := unauthorised(route, headers):
            return refused
        if route.family in ("v1", "project") and route.operation != "deployments" and "api-version" in query:
            return error(400, "BadRequest", "api-version query parameter is not allowed when using /v1 path")
        if route.family in ("deployment", "models", "dated") and "api-version" not in query:
            return error(404, "404", "Resource not found")
        return None

    async def operate(self, route: Route, body: dict[str, Any], headers: dict[str, str], answer: Answer) -> None:
        deployment = route.deployment or str(body.get("model") or "")
        if route.operation != "embeddings" and not deployment:
            await answer.refuse(error(400, "BadRequest", "model is missing."))
            return
        if route.family == "models" and headers.get("extra-parameters") != "pass-through":
            extra = sorted(set(body) - INFERENCE_FIELDS - {"input", "encoding_format", "dimensions", "input_type"})
            if extra:
                detail = f"Extra parameters ['{extra[0]}'] are not allowed when extra-parameters is not set (simulated)"
                await answer.refuse(Refusal(400, {"detail": detail}))
                return
        if refused := self._faults.refusal(deployment, body):
            await answer.refuse(refused)
            return
        if deployment == "hang":
            await asyncio.sleep(3600)
        await asyncio.sleep(first_delay(deployment))
        if deployment == "bad-json":
            await answer.text(200, "application/json", '{"choices": [simulated')
        elif deployment == "html":
            await answer.text(502, "text/html", "<html><body>502 Bad Gateway (simulated)</body></html>")
        elif route.operation == "embeddings":
            await answer.json(embeddings(body))
        elif route.operation == "responses":
            await self.responses(deployment, body, answer)
        else:
            await self.chat(deployment, body, answer)

    async def chat(self, deployment: str, body: dict[str, Any], answer: Answer) -> None:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            await answer.refuse(error(400, "invalid_request_error", "messages is missing or empty.", param="messages"))
            return
        reply = Reply.to(deployment, last_text(messages), body.get("max_completion_tokens") or body.get("max_tokens"))
        if body.get("stream"):
            options = body.get("stream_options")
            usage = isinstance(options, dict) and options.get("include_usage") is True
            await self.stream(deployment, reply, usage, answer)
        else:
            await answer.json(reply.whole())

    async def stream(self, deployment: str, reply: Reply, usage: bool, answer: Answer) -> None:
        await answer.begin(200, "text/event-stream")
        await answer.event({"id": "", "model": "", "choices": [], "prompt_filter_results": []})
        await answer.event(reply.chunk({"role": "assistant", "content": ""}))
        words = re.findall(r"\S+\s*", reply.text)
        pause = self.pause(deployment)
        for at, word in enumerate(words):
            if deployment == "cut-stream" and at == max(1, len(words) // 2):
                await answer.end()
                return
            if deployment == "cut-in-word" and at == max(1, len(words) // 2):
                await answer.send_body(b'data: {"choices": [{"delta": {"content": "simul', more=False)
                return
            if deployment == "error-in-stream" and at == max(1, len(words) // 2):
                await answer.event({"error": {"code": "server_error", "message": "The model failed (simulated)."}})
                await answer.end()
                return
            await answer.event(reply.chunk({"content": word}))
            await asyncio.sleep(pause)
        await answer.event(reply.chunk({}, reply.finish))
        if deployment == "late-filter":
            await answer.event(reply.annotation())
        if usage:
            await answer.event({**reply.head("chat.completion.chunk"), "choices": [], "usage": reply.usage()})
        await answer.send_body(b"data: [DONE]\n\n")
        if deployment == "held-open":
            await asyncio.sleep(3600)
        await answer.end()

    def pause(self, deployment: str) -> float:
        return 0.0 if deployment.startswith("fast") else self._delay

    async def responses(self, deployment: str, body: dict[str, Any], answer: Answer) -> None:
        given = body.get("input")
        text = given if isinstance(given, str) else last_text(given if isinstance(given, list) else [])
        reply = Reply.to(deployment, text, body.get("max_output_tokens"))
        whole = reply.as_response()
        if not body.get("stream"):
            await answer.json(whole)
            return
        await answer.begin(200, "text/event-stream")
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}
        ]
        events += [{"type": "response.output_text.delta", "delta": word} for word in re.findall(r"\S+\s*", reply.text)]
        events.append({"type": "response.completed", "response": whole})
        for number, event in enumerate(events):
            await answer.event({**event, "sequence_number": number}, name=event["type"])
            await asyncio.sleep(self.pause(deployment) if event["type"].endswith("delta") else 0)
        await answer.end()


class Answer:
    """Writes one HTTP answer; every one says that it is simulated."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def begin(self, status: int, kind: str, more: dict[str, str] | None = None) -> None:
        headers = {
            "content-type": kind,
            "x-simulated": "true",
            "apim-request-id": str(uuid.uuid4()),
            "x-ms-region": "Simulated",
            **(more or {}),
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def send_body(self, body: bytes, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def end(self) -> None:
        await self.send_body(b"", more=False)

    async def text(self, status: int, kind: str, text: str, more: dict[str, str] | None = None) -> None:
        await self.begin(status, kind, more)
        await self.send_body(text.encode(), more=False)

    async def json(self, data: Any, status: int = 200, more: dict[str, str] | None = None) -> None:
        await self.text(status, "application/json", json.dumps(data), more)

    async def refuse(self, refused: Refusal) -> None:
        await self.json(refused.body, refused.status, refused.headers)

    async def event(self, data: dict[str, Any], name: str = "") -> None:
        head = f"event: {name}\n" if name else ""
        await self.send_body(f"{head}data: {json.dumps(data)}\n\n".encode())


async def until_gone(responding: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Answers for as long as somebody listens."""
    answering, leaving = asyncio.ensure_future(responding), asyncio.ensure_future(departure(receive))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
    finally:
        answering.cancel()
        leaving.cancel()
        await asyncio.gather(answering, leaving, return_exceptions=True)


async def departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def read(receive: Receive) -> bytes | None:
    """The body, or None when it is too large."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > LARGEST_REQUEST:
            return None
        if not message.get("more_body"):
            return body


def unauthorised(route: Route, headers: dict[str, str]) -> Refusal | None:
    """Azure routes take api-key; the dated ones read a bearer key as a token; compatible ones want a bearer."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    key = headers.get("api-key", "")
    dated = route.family in ("deployment", "deployment-list", "dated")
    given = bearer if route.family == "compatible" else key if dated else key or bearer
    if given == KEY:
        return None
    if dated and bearer:
        message = (
            "Unauthorized. Access token is missing, invalid, audience is incorrect "
            "(https://cognitiveservices.azure.com), or have expired. (simulated)"
        )
        return Refusal(401, {"statusCode": 401, "message": message})
    return error(401, "401", "Access denied due to invalid subscription key or wrong API endpoint.")


app = Simulator()
