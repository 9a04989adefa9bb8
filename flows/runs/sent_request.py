"""What a call of a model has sent, put together from the record of its action: the key, images and files are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from connections.endpoint.endpoint import Endpoint, EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.auth import BEARER
from connections.foundry.calls import ChatCall, WireRequest
from connections.foundry.errors import FoundryError
from connections.foundry.lessons import Lesson
from connections.foundry.routes import Api
from connections.foundry.values import ChatRequest, Message, Target
from connections.lesson_memory import stored_lessons
from connections.models import Connection
from connections.secret import Secret
from flows.actions.chat_completion.action import ChatCompletion, Properties, chat_request
from flows.language.errors import ActionError
from flows.models import ActionRun
from flows.runs.sent_to_agent import sent_to_agent

OPERATIONS = {"/chat/completions": Api.CHAT, "/responses": Api.RESPONSES, "/messages": Api.MESSAGES}
FIRST = ("model", "system", "instructions", "messages", "input")  # of a body as it is shown
NAMES = frozenset(field.name for field in fields(Properties))


@dataclass(frozen=True)
class RecordedRequest:
    """A call as its record has it. `connection` is the stored one, while it leads to the same host."""

    request: ChatRequest
    endpoint: Endpoint
    api: Api | None  # None: whichever the model speaks
    lessons: Sequence[Lesson]
    connection: Connection | None

    @property
    def target(self) -> Target:
        header = self.connection.key_header if self.connection else ""
        return Target("", self.endpoint, Secret(""), key_header=header)


@dataclass(frozen=True)
class SentRequest:
    url: str
    headers: Sequence[tuple[str, str]]
    body: Mapping[str, Any]


def sent_request(record: ActionRun) -> SentRequest | None:
    """None where the record does not say enough."""
    wire = sent_to_agent(record) if record.facts.get("agent") else sent_to_model(record)
    if wire is None:
        return None
    key = record.facts.get("key_fingerprint")
    masked = f"•••• (fingerprint {key})" if key else "••••"
    is_bearer = wire.key_header == BEARER or not key
    header = ("Authorization", f"Bearer {masked}") if is_bearer else (wire.key_header, masked)
    body = dict(wire.body or {})
    ordered = {name: body[name] for name in FIRST if name in body} | body
    url = str(record.facts.get("url") or wire.route.url)
    return SentRequest(url, [header, *wire.headers.items(), ("Content-Type", "application/json")], ordered)


def sent_to_model(record: ActionRun) -> WireRequest | None:
    recorded = recorded_request(record)
    if recorded is None:
        return None
    try:
        return ChatCall(recorded.target, recorded.request, recorded.api, store=False).wire_request(recorded.lessons)
    except FoundryError:
        return None


def recorded_request(record: ActionRun) -> RecordedRequest | None:
    facts = record.facts
    if record.type != ChatCompletion.type or not facts.get("host"):
        return None
    stored = Connection.objects.foundry().filter(name=facts.get("connection")).first()
    connection = stored if stored and stored.parsed and stored.parsed.host == facts["host"] else None
    url = str(facts.get("url") or "")
    try:
        request = request_of(record)
        endpoint = (connection.parsed if connection else None) or parse_endpoint(url or f"https://{facts['host']}")
    except (ActionError, EndpointError, ValueError, TypeError):
        return None
    lessons = stored_lessons(connection.endpoint, request.model) if connection else ()
    return RecordedRequest(request, endpoint, api_of(url), lessons, connection)


def request_of(record: ActionRun) -> ChatRequest:
    """Its messages are those that were sent. Raises ActionError, TypeError or ValueError."""
    given = {name: value for name, value in record.inputs.items() if name in NAMES}
    prompt = record.facts.get("prompt")
    if prompt:
        given |= {"history": None, "images": None}
    model = str(record.facts.get("deployment") or given.get("model") or "")
    request = chat_request(Properties(**{"user_prompt": "", **given, "model": model}))
    if not prompt:
        return request
    messages = tuple(Message(str(each.get("role")), each.get("content")) for each in prompt)
    return replace(request, messages=messages)


def api_of(url: str) -> Api | None:
    path = url.partition("?")[0]
    return next((api for operation, api in OPERATIONS.items() if path.endswith(operation)), None)
