"""The simulator: an ASGI app that answers like Foundry on every family of paths, and says that it is simulated.

Key: `simulator`. `routes.py` lists the paths, `auth.py` says which key or token goes where, `faults.py` lists the
deployments that go wrong on purpose.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, quote

from connections.simulator.agent_answers import AgentAnswer, reply_of_agent
from connections.simulator.agents import AgentMemory, agent_listing, agent_of, agent_refusal
from connections.simulator.answer_writer import AnswerWriter, Receive, Scope, Send
from connections.simulator.api_versions import field_refusal, version_refusal
from connections.simulator.auth import KEY, auth_refusal
from connections.simulator.body_refusals import body_refusal, extras_refusal, without_extras
from connections.simulator.chat_answers import ChatAnswer
from connections.simulator.claude_answers import ClaudeAnswer, claude_request
from connections.simulator.claude_dialects import dialect_refusal, fault_of_claude, surface_refusal
from connections.simulator.echoes import echo_headers, echo_of, echo_refusal, place_of
from connections.simulator.faults import Faults, first_delay
from connections.simulator.fixed_refusals import FIXED_REFUSALS, NOT_JSON
from connections.simulator.listings import listing
from connections.simulator.microsoft import MicrosoftLimits
from connections.simulator.microsoft import refuse as refuse_as_microsoft
from connections.simulator.microsoft import steps_of as microsoft_steps
from connections.simulator.model_request import ModelRequest, chat_request, responses_request
from connections.simulator.refusals import NOT_FOUND, SimulatedRefusal, error_refusal
from connections.simulator.replies import Reply
from connections.simulator.responses_answers import ResponsesAnswer
from connections.simulator.routes import ALL, LISTS, SimulatedRoute, route_of
from connections.simulator.stream_events import DropConnection, HoldOpen, RawBytes, Step, chunks_of, events_with_fault
from connections.simulator.strict_messages import messages_refusal, version_header_refusal
from connections.simulator.vectors import embeddings

__all__ = ["KEY", "Simulator", "app"]

LARGEST_REQUEST = 32 * 1024 * 1024  # bytes
WORD_DELAY = 0.015  # seconds
MOST_HEADERS = 10  # of those that begin with x-; Azure takes about as many
REMEMBERED = 1000  # responses, for previous_response_id
HUGE_HEADER = 128 * 1024  # bytes


@dataclass(frozen=True)
class SimulatedCall:
    """One call of a model, once its head was let in. `version` is empty when there is none."""

    route: SimulatedRoute
    version: str
    body: dict[str, Any]
    headers: Mapping[str, str]

    @cached_property
    def deployment(self) -> str:
        return self.route.deployment or self.agent or str(self.body.get("model") or "")

    @property
    def agent(self) -> str:
        return agent_of(self.route, self.body)

    @cached_property
    def echo(self) -> str:
        """The key of the call, as a deployment sends it back that does so; empty at all others."""
        return echo_of(self.deployment, self.headers)


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
        self._agents = AgentMemory()
        self._microsoft = MicrosoftLimits(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request = await read_body(receive)
        answer = AnswerWriter(send)
        if "x-ms-client-request-id" in headers:
            answer.add({"x-ms-client-request-id": headers["x-ms-client-request-id"]})
        if request is None:
            await answer.refuse(error_refusal(413, "413", "The request is too large."))
            return
        await answer_until_gone(self.respond(scope, headers, request, answer), receive)

    async def respond(self, scope: Scope, headers: Mapping[str, str], raw: bytes, answer: AnswerWriter) -> None:
        route = route_of(sent_path(scope), headers.get("host", ""), self._routes)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        version = query.get("api-version", [""])[0]
        body = parse_body(raw)
        named = route.deployment if route and route.deployment else str((body or {}).get("model") or "")
        if refusal := head_refusal(route, version, scope["method"], headers, any_key=bool(place_of(named))):
            await answer.refuse(refusal)
        elif route is None:
            await answer.refuse(NOT_FOUND)
        elif route.operation == "agents":
            await answer.give(agent_listing(route, query))
        elif route.operation == "conversations":
            await answer.give(self._agents.answer(scope["method"], route.rest, body or {}))
        elif route.operation in LISTS:
            await answer.json(listing(route, query, origin(scope, headers)))
        elif body is None:
            await answer.refuse(error_refusal(400, "BadRequest", "The request body is not a JSON object."))
        else:
            await self.answer_call(SimulatedCall(route, version, without_extras(route, body, headers), headers), answer)

    async def answer_call(self, call: SimulatedCall, answer: AnswerWriter) -> None:
        if call.route.inference:
            answer.add({"azureml-model-session": "simulated"})
        answer.add(echo_headers(call.deployment, call.echo))
        if refusal := self.refusal_of(call, answer) or echo_refusal(call.deployment, call.echo):
            if call.route.microsoft:
                await refuse_as_microsoft(answer, call.deployment, refusal)
            else:
                await answer.refuse(refusal)
            return
        await self.act_before_answer(call.deployment, answer)
        if call.deployment in NOT_JSON:
            await answer.text(*NOT_JSON[call.deployment])
        elif place_of(call.deployment) == "html":
            await answer.text(502, "text/html", f"<html><body>No way for {call.echo} (simulated)</body></html>")
        else:
            await self.answer_operation(call, answer)

    async def answer_operation(self, call: SimulatedCall, answer: AnswerWriter) -> None:
        route, deployment, body = call.route, call.deployment, call.body
        match route.operation:
            case "embeddings":
                await answer.json(embeddings(deployment, body))
            case "responses":
                request = replace(responses_request(route, deployment, body), echo=call.echo)
                await self.answer_responses(request, body, answer, call.agent)
            case "messages":
                request = replace(claude_request(route, deployment, body), echo=call.echo)
                await self.answer_messages(request, body, answer)
            case "messages/count_tokens":
                await answer.json({"input_tokens": claude_request(route, deployment, body).tokens})
            case _:
                await self.answer_chat(replace(chat_request(route, deployment, body), echo=call.echo), answer)

    def refusal_of(self, call: SimulatedCall, answer: AnswerWriter) -> SimulatedRefusal | None:
        """What the gateway refuses, what the deployment refuses, what is wrong with the body; in this order."""
        route, deployment, body = call.route, call.deployment, call.body
        if route.family == "anthropic":
            return self.claudes_refusal_of(call, answer)
        if route.microsoft:
            refusal = self._microsoft.refusal(deployment, body)
            return refusal or self._faults.of_deployment(deployment, route.operation)[1]
        if call.agent:
            if refusal := agent_refusal(route, body, call.headers, self._agents):
                return refusal
            body = {name: value for name, value in body.items() if name != "agent_reference"}
        if not deployment and route.operation != "embeddings":
            return error_refusal(400, "BadRequest", "model is missing.")
        if refusal := extras_refusal(route, body, call.headers) or field_refusal(route, call.version, body):
            return refusal
        limits, refusal = self._faults.of_deployment(deployment, route.operation)
        answer.add(limits)
        return (
            surface_refusal(route.family, deployment)
            or refusal
            or body_refusal(route, deployment, body, self._responses)
            or self._faults.of_parameters(deployment, body)
        )

    def claudes_refusal_of(self, call: SimulatedCall, answer: AnswerWriter) -> SimulatedRefusal | None:
        """The same on the route of Claude, which has its own version, its own words and no list of models."""
        deployment, body, version = call.deployment, call.body, call.headers.get("anthropic-version", "")
        if refusal := version_header_refusal(version) or surface_refusal(call.route.family, deployment):
            return refusal
        limits, refusal = self._faults.of_deployment(deployment, call.route.operation)
        answer.add(limits)
        if refusal:
            return fault_of_claude(deployment, refusal)
        counts = call.route.operation != "messages"
        return messages_refusal(body, version, counts=counts) or dialect_refusal(deployment, body)

    async def act_before_answer(self, deployment: str, answer: AnswerWriter) -> None:
        """What happens before the first byte of an answer."""
        if deployment == "hang":
            await asyncio.sleep(3600)
        if deployment == "drop":
            await drop_connection(answer)
        if deployment == "huge-header":
            answer.add({"x-padding": "s" * HUGE_HEADER})
        await asyncio.sleep(first_delay(deployment))

    async def answer_chat(self, request: ModelRequest, answer: AnswerWriter) -> None:
        chat = ChatAnswer(Reply.to(request))
        if request.stream:
            events = events_with_fault(request.deployment, chat.events(), "chat", request.echo)
            events = microsoft_steps(events) if request.route.microsoft else events
            await self.stream(request, events, answer)
        else:
            await answer.json(chat.whole())

    async def answer_responses(
        self, request: ModelRequest, body: Mapping[str, Any], answer: AnswerWriter, agent: str = ""
    ) -> None:
        reply = Reply.to(request)
        if agent:
            reply = reply_of_agent(reply, self._agents.said_before(body))
        response = AgentAnswer(agent, reply, body) if agent else ResponsesAnswer(reply, body)
        if agent:
            self._agents.keep(response.id, body, request.prompt)
        if body.get("store") is not False:
            self._responses[response.id] = None
            if len(self._responses) > REMEMBERED:
                self._responses.popitem(last=False)
        if request.stream:
            events = events_with_fault(request.deployment, response.events(), "responses", request.echo)
            await self.stream(request, events, answer)
        else:
            await answer.json(response.whole())

    async def answer_messages(self, request: ModelRequest, body: Mapping[str, Any], answer: AnswerWriter) -> None:
        message = ClaudeAnswer(Reply.to(request), body)
        answer.add({"request-id": f"req_{uuid.uuid4().hex}"})
        if request.stream:
            events = events_with_fault(request.deployment, message.events(), "messages", request.echo)
            await self.stream(request, events, answer)
        else:
            await answer.json(message.whole())

    async def stream(self, request: ModelRequest, steps: Iterable[Step], answer: AnswerWriter) -> None:
        pause = 0.0 if request.deployment.startswith("fast") else self._delay
        await answer.begin(200, "" if request.route.microsoft else "text/event-stream")
        held = b""
        for step in steps:
            if isinstance(step, DropConnection):
                await drop_connection(answer)
            elif isinstance(step, HoldOpen):
                await asyncio.sleep(3600)
            elif isinstance(step, RawBytes):
                await answer.send_body(step.data)
            elif request.deployment == "one-burst":
                held += b"".join(chunks_of(request.deployment, step))
            else:
                for chunk in chunks_of(request.deployment, step):
                    await answer.send_body(chunk)
                await asyncio.sleep(pause if step.part else 0)
        await answer.send_body(held, more=False)


def head_refusal(
    route: SimulatedRoute | None, version: str, method: str, headers: Mapping[str, str], *, any_key: bool = False
) -> SimulatedRefusal | None:
    own = sum(name.startswith("x-") for name in headers)
    if own > MOST_HEADERS and not (route and route.family == "anthropic"):  # whose official client sends as many
        return error_refusal(431, "431", "Request Header Fields Too Large.")
    if route is None:
        return NOT_FOUND
    if refusal := (None if any_key else auth_refusal(route, headers)) or version_refusal(route, version):
        return refusal
    if (method == "GET") != (route.operation in LISTS) and route.operation != "conversations":
        return NOT_FOUND
    # The lists of a project fail like the deployment of the same name.
    return FIXED_REFUSALS.get(route.project) if route.operation in ("deployments", "agents") else None


def parse_body(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


async def drop_connection(answer: AnswerWriter) -> None:
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


async def answer_until_gone(responding: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Answers for as long as somebody listens."""
    answering, leaving = asyncio.ensure_future(responding), asyncio.ensure_future(wait_for_disconnect(receive))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            answering.result()
    finally:
        answering.cancel()
        leaving.cancel()
        await asyncio.gather(answering, leaving, return_exceptions=True)


async def wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_body(receive: Receive) -> bytes | None:
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
