"""The simulator: an ASGI app that answers like Foundry on every family of paths, and says that it is simulated.

Key: `simulator`. `routes.py` lists the paths, `auth.py` says which key or token goes where, `faults.py` lists the
deployments that go wrong on purpose.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Set
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote

from connections.simulator import ask, bodies
from connections.simulator.answer import Answer, Receive, Scope, Send
from connections.simulator.auth import KEY, unauthorised
from connections.simulator.chats import Chat, anthropic_message
from connections.simulator.echoes import echo_headers, echo_of, echo_refusal, place_of
from connections.simulator.events import Drop, Hold, Raw, Step, chunks, spoiled
from connections.simulator.faults import Faults, first_delay
from connections.simulator.lists import listing
from connections.simulator.refusals import NOT_FOUND, Refusal, error
from connections.simulator.replies import Reply
from connections.simulator.response_items import Response
from connections.simulator.routes import ALL, LISTS, Route, route_of
from connections.simulator.standing import ALWAYS, NO_JSON
from connections.simulator.vectors import embeddings
from connections.simulator.versions import refused_field, refused_version

__all__ = ["KEY", "Simulator", "app"]

LARGEST_REQUEST = 32 * 1024 * 1024  # bytes
WORD_DELAY = 0.015  # seconds
MOST_HEADERS = 10  # of those that begin with x-; Azure takes about as many
REMEMBERED = 1000  # responses, for previous_response_id
HUGE_HEADER = 128 * 1024  # bytes


class Simulator:
    """Holds the counters of its faults. `delay` is the pause between words in seconds; `routes` the faces it has."""

    def __init__(
        self, delay: float = WORD_DELAY, routes: Set[str] = ALL, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not routes <= ALL:
            raise ValueError(f"Unknown routes: {sorted(routes - ALL)}. Known: {sorted(ALL)}.")
        self._delay = delay
        self._routes = frozenset(routes)
        self._faults = Faults(clock)
        self._responses: OrderedDict[str, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request = await read(receive)
        answer = Answer(send)
        if "x-ms-client-request-id" in headers:
            answer.add({"x-ms-client-request-id": headers["x-ms-client-request-id"]})
        if request is None:
            await answer.refuse(error(413, "413", "The request is too large."))
            return
        await until_gone(self.respond(scope, headers, request, answer), receive)

    async def respond(self, scope: Scope, headers: Mapping[str, str], raw: bytes, answer: Answer) -> None:
        route = route_of(sent_path(scope), headers.get("host", ""), self._routes)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        version = query.get("api-version", [""])[0]
        body = parsed(raw)
        named = route.deployment if route and route.deployment else str((body or {}).get("model") or "")
        if refused := refused_head(route, version, scope["method"], headers, any_key=bool(place_of(named))):
            await answer.refuse(refused)
        elif route is None:
            await answer.refuse(NOT_FOUND)
        elif route.operation in LISTS:
            await answer.json(listing(route, query, origin(scope, headers)))
        elif body is None:
            await answer.refuse(error(400, "BadRequest", "The request body is not a JSON object."))
        else:
            await self.operate(route, version, bodies.without_extras(route, body, headers), headers, answer)

    async def operate(
        self, route: Route, version: str, body: dict[str, Any], headers: Mapping[str, str], answer: Answer
    ) -> None:
        deployment = route.deployment or str(body.get("model") or "")
        if route.inference:
            answer.add({"azureml-model-session": "simulated"})
        echo = echo_of(deployment, headers)
        answer.add(echo_headers(deployment, echo))
        if refused := self.refusal(route, version, deployment, body, headers, answer) or echo_refusal(deployment, echo):
            await answer.refuse(refused)
            return
        await self.before(deployment, answer)
        if deployment in NO_JSON:
            await answer.text(*NO_JSON[deployment])
        elif place_of(deployment) == "html":
            await answer.text(502, "text/html", f"<html><body>No way for {echo} (simulated)</body></html>")
        elif route.operation == "embeddings":
            await answer.json(embeddings(deployment, body))
        elif route.operation == "responses":
            await self.responses(replace(ask.of_responses(route, deployment, body), echo=echo), body, answer)
        elif route.operation == "messages":
            await answer.json(anthropic_message(Reply.to(ask.of_chat(route, deployment, body))))
        else:
            await self.chat(replace(ask.of_chat(route, deployment, body), echo=echo), answer)

    def refusal(
        self,
        route: Route,
        version: str,
        deployment: str,
        body: dict[str, Any],
        headers: Mapping[str, str],
        answer: Answer,
    ) -> Refusal | None:
        """What the gateway refuses, what the deployment refuses, what is wrong with the body; in this order."""
        if not deployment and route.operation != "embeddings":
            return error(400, "BadRequest", "model is missing.")
        if refused := bodies.refused_extras(route, body, headers) or refused_field(route, version, body):
            return refused
        limits, refused = self._faults.of_deployment(deployment, route.operation)
        answer.add(limits)
        return (
            refused
            or bodies.refused_body(route, deployment, body, self._responses)
            or self._faults.of_parameters(deployment, body)
        )

    async def before(self, deployment: str, answer: Answer) -> None:
        """What happens before the first byte of an answer."""
        if deployment == "hang":
            await asyncio.sleep(3600)
        if deployment == "drop":
            await dropped(answer)
        if deployment == "huge-header":
            answer.add({"x-padding": "s" * HUGE_HEADER})
        await asyncio.sleep(first_delay(deployment))

    async def chat(self, asked: ask.Ask, answer: Answer) -> None:
        chat = Chat(Reply.to(asked))
        if asked.stream:
            await self.stream(asked, spoiled(asked.deployment, chat.events(), False, asked.echo), answer)
        else:
            await answer.json(chat.whole())

    async def responses(self, asked: ask.Ask, body: Mapping[str, Any], answer: Answer) -> None:
        response = Response(Reply.to(asked), body)
        if body.get("store") is not False:
            self._responses[response.id] = None
            if len(self._responses) > REMEMBERED:
                self._responses.popitem(last=False)
        if asked.stream:
            await self.stream(asked, spoiled(asked.deployment, response.events(), True, asked.echo), answer)
        else:
            await answer.json(response.whole())

    async def stream(self, asked: ask.Ask, steps: Iterable[Step], answer: Answer) -> None:
        pause = 0.0 if asked.deployment.startswith("fast") else self._delay
        await answer.begin(200, "text/event-stream")
        held = b""
        for step in steps:
            if isinstance(step, Drop):
                await dropped(answer)
            elif isinstance(step, Hold):
                await asyncio.sleep(3600)
            elif isinstance(step, Raw):
                await answer.send_body(step.data)
            elif asked.deployment == "one-burst":
                held += b"".join(chunks(asked.deployment, step))
            else:
                for chunk in chunks(asked.deployment, step):
                    await answer.send_body(chunk)
                await asyncio.sleep(pause if step.part else 0)
        await answer.send_body(held, more=False)


def refused_head(
    route: Route | None, version: str, method: str, headers: Mapping[str, str], *, any_key: bool = False
) -> Refusal | None:
    if sum(name.startswith("x-") for name in headers) > MOST_HEADERS:
        return error(431, "431", "Request Header Fields Too Large.")
    if route is None:
        return NOT_FOUND
    if refused := (None if any_key else unauthorised(route, headers)) or refused_version(route, version):
        return refused
    if (method == "GET") != (route.operation in LISTS):
        return NOT_FOUND
    # The list of a project fails like the deployment of the same name.
    return ALWAYS.get(route.project) if route.operation == "deployments" else None


def parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


async def dropped(answer: Answer) -> None:
    if not answer.drop():
        raise ConnectionAbortedError("the simulator drops the connection")
    # The server notices in a moment, and ends this.
    await asyncio.sleep(3600)


def sent_path(scope: Scope) -> str:
    """As it was sent: `path` is decoded, and a slash in a name is no longer told from one between names."""
    raw = scope.get("raw_path")
    return raw.decode("latin-1") if isinstance(raw, bytes) else quote(scope["path"])


def origin(scope: Scope, headers: Mapping[str, str]) -> str:
    return f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}"


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
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_REQUEST:
            return None
        if not message.get("more_body"):
            return bytes(body)


app = Simulator()
