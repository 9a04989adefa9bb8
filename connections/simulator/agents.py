"""Agents of a simulated project: which there are, what they refuse, and the conversations that they keep.

  helper       a prompt agent; translator is another one
  researcher   searches the web and calls a tool of an MCP server before it answers
  approver     asks whether it may call a tool; answers once it may
  clerk        wants a function called, which only a program could do
  hosted       says that its answers belong to no conversation
  entra...     refuses keys, at whatever address
Any name of a fault is an agent, too (`faults.py`). The endpoint of a published agent answers to all names.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.simulator.auth import WRONG_KEY, claims
from connections.simulator.refusals import NOT_FOUND, SimulatedRefusal, error_refusal, invalid_parameter
from connections.simulator.routes import SimulatedRoute
from connections.simulator.shapes import one_of, record, text, unknown


@dataclass(frozen=True)
class SimulatedAgent:
    kind: str
    model: str
    version: int
    description: str


AGENTS = {
    "helper": SimulatedAgent("prompt", "gpt-5.2", 3, "Answers questions of customers."),
    "translator": SimulatedAgent("prompt", "gpt-4o-mini", 1, "Translates into plain English."),
    "researcher": SimulatedAgent("prompt", "gpt-5.2", 2, "Looks things up before it answers."),
    "approver": SimulatedAgent("prompt", "gpt-5.2", 1, "Asks before it calls a tool."),
    "clerk": SimulatedAgent("prompt", "gpt-4o", 1, "Wants a function called."),
    "hosted": SimulatedAgent("hosted", "", 1, "Runs in a container."),
    "entra-only": SimulatedAgent("hosted", "", 1, "Takes no key."),
}
FAULTS = re.compile(
    r"(slow-|hang|fast|long-|huge|fail-|rpm-|retry-|quota|rate-limit|too-|no-|insufficient|content-filter|budget|bad-"
    r"|firewall|private|blocked|error-|html|redirect|drop|echo-|filter|refusal|empty|length|json|response-|cut-|event-"
    r"|late-|usage-|held-|after-|cr|split-|comments|multi-|one-burst).*"
)
REFERENCE = record({"type": one_of("agent_reference"), "name": text(), "version": text()}, required=("type", "name"))
PAGE = 20
REMEMBERED = 1_000
# What an agent has of its own.
FIXED_FIELDS = (
    *("model", "instructions", "temperature", "top_p", "tools", "tool_choice", "parallel_tool_calls"),
    *("reasoning", "text", "max_output_tokens", "truncation"),
)


def is_agent(name: str) -> bool:
    return name in AGENTS or name.startswith("entra") or bool(FAULTS.fullmatch(name))


def agent_of(route: SimulatedRoute, body: Mapping[str, Any]) -> str:
    """The agent that a call is for; empty when it is for a model."""
    if route.operation != "responses" or not route.project:
        return ""
    reference = body.get("agent_reference")
    return route.deployment or (str(reference.get("name") or "") if isinstance(reference, Mapping) else "")


def agent_entry(name: str) -> dict[str, Any]:
    agent = AGENTS[name]
    version = {
        "object": "agent.version",
        "id": f"{name}:{agent.version}",
        "name": name,
        "version": str(agent.version),
        "description": agent.description,
        "created_at": 1_700_000_000,
        "metadata": {},
        "definition": {"kind": agent.kind, **({"model": agent.model} if agent.model else {})},
    }
    return {"object": "agent", "id": name, "name": name, "state": "enabled", "versions": {"latest": version}}


def agent_listing(route: SimulatedRoute, query: Mapping[str, list[str]]) -> dict[str, Any] | SimulatedRefusal:
    """The agents of the project, or one of them. Of the project `paged` a page holds two."""
    if route.deployment:
        return agent_entry(route.deployment) if route.deployment in AGENTS else unknown_agent(route.deployment)
    names, after = list(AGENTS), query.get("after", [""])[0]
    limit = query.get("limit", [str(2 if route.project == "paged" else PAGE)])[0]
    if not limit.isdecimal() or not 1 <= int(limit) <= 100:
        return invalid_parameter("invalid_value", "Invalid 'limit': expected a value from 1 to 100.", "limit")
    begin = names.index(after) + 1 if after in names else 0
    page = names[begin : begin + int(limit)]
    ends = {"first_id": page[0], "last_id": page[-1]} if page else {"first_id": None, "last_id": None}
    more = begin + len(page) < len(names)
    return {"object": "list", "data": [agent_entry(name) for name in page], **ends, "has_more": more}


def unknown_agent(name: str) -> SimulatedRefusal:
    return error_refusal(404, "not_found", f"Agent {name} doesn't exist", type="invalid_request_error", param=None)


class AgentMemory:
    """Conversations and answers, by their ids: what users have said in them."""

    def __init__(self) -> None:
        self._conversations: OrderedDict[str, list[str]] = OrderedDict()
        self._responses: OrderedDict[str, list[str]] = OrderedDict()

    def said_before(self, body: Mapping[str, Any]) -> list[str]:
        earlier = self._conversations.get(conversation_of(body))
        return list(earlier or self._responses.get(str(body.get("previous_response_id")), []))

    def keep(self, response_id: str, body: Mapping[str, Any], prompt: str) -> None:
        said = [*self.said_before(body), prompt]
        if conversation := conversation_of(body):
            self._conversations[conversation] = said
        if body.get("store") is not False:
            self._responses[response_id] = said
            if len(self._responses) > REMEMBERED:
                self._responses.popitem(last=False)

    def answer(self, method: str, id: str, body: Mapping[str, Any]) -> dict[str, Any] | SimulatedRefusal:
        """A call of the conversations: `id` is empty, that of one, or ID/items."""
        id, _, items = id.partition("/")
        if not id:
            return self._create() if method == "POST" else NOT_FOUND
        if refusal := self.conversation_refusal(id):
            return refusal
        if items:
            said = [{"type": "message", "role": "user", "content": text} for text in self._conversations[id]]
            if method == "POST":
                given = [item for item in body.get("items") or () if isinstance(item, Mapping)]
                self._conversations[id] += [str(item.get("content")) for item in given if item.get("role") == "user"]
            return {"object": "list", "data": said, "has_more": False}
        if method == "DELETE":
            del self._conversations[id]
            return {"id": id, "object": "conversation.deleted", "deleted": True}
        return conversation_entry(id)

    def _create(self) -> dict[str, Any]:
        made = conversation_entry(f"conv_{uuid.uuid4().hex}")
        self._conversations[made["id"]] = []
        if len(self._conversations) > REMEMBERED:
            self._conversations.popitem(last=False)
        return made

    def conversation_refusal(self, id: str) -> SimulatedRefusal | None:
        if not re.fullmatch(r"conv_[0-9a-zA-Z]+", id):
            message = f"Invalid conversation id '{id}', Malformed identifier."
            return error_refusal(400, "invalid_request_error", message, type="invalid_request_error", param=None)
        if id not in self._conversations:
            return error_refusal(404, "not_found", f"Conversation with id '{id}' not found.", param=None)
        return None


def conversation_entry(id: str) -> dict[str, Any]:
    return {"id": id, "object": "conversation", "created_at": int(time.time()), "metadata": {}}


def conversation_of(body: Mapping[str, Any]) -> str:
    """The id in `conversation`, which is a text or an object."""
    given = body.get("conversation")
    return str((given.get("id") if isinstance(given, Mapping) else given) or "")


def agent_refusal(
    route: SimulatedRoute, body: Mapping[str, Any], headers: Mapping[str, str], memory: AgentMemory
) -> SimulatedRefusal | None:
    """What an agent refuses before its model sees anything."""
    name = agent_of(route, body)
    if name.startswith("entra") and claims(headers.get("authorization", "").partition(" ")[2].strip()) is None:
        return WRONG_KEY
    if not route.deployment and not is_agent(name):
        return unknown_agent(name)
    if (reference := body.get("agent_reference")) is not None:
        refusal = unknown("agent_reference") if route.deployment else REFERENCE(reference, "agent_reference")
        if refusal:
            return refusal
    if fixed := [field for field in FIXED_FIELDS if body.get(field) is not None]:
        return fields_refusal(fixed)
    conversation, previous = conversation_of(body), body.get("previous_response_id")
    if route.is_application and (conversation or previous):
        field = "conversation" if conversation else "previous_response_id"
        return invalid_parameter("unknown_parameter", f"Unknown parameter: '{field}'.", field)
    if conversation and previous:
        message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'."
        return invalid_parameter("mutually_exclusive_parameters", message, "conversation")
    return memory.conversation_refusal(conversation) if conversation else None


def fields_refusal(fields: list[str]) -> SimulatedRefusal:
    """All of them in one answer."""
    said = {"code": "ValidationError", "message": "Not allowed when agent is specified.", "type": "error"}
    details = [{**said, "param": field} for field in fields]
    return error_refusal(
        400, "invalid_payload", "Invalid payload", type="invalid_request_error", param=None, details=details
    )
