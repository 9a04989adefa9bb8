"""What a message to an agent has sent, put together from the record of its action."""

from __future__ import annotations

from connections.endpoint.endpoint import EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agents import AgentCall, AgentRequest, Memory
from connections.foundry.calls import WireRequest
from connections.foundry.errors import FoundryError
from connections.foundry.values import Message, Target
from connections.secret import Secret
from flows.models import ActionRun


def sent_to_agent(record: ActionRun) -> WireRequest | None:
    """None where the record does not say enough."""
    facts = record.facts
    try:
        endpoint = parse_endpoint(str(facts["url"]))
        request = AgentRequest(
            model=str(facts["deployment"]),
            messages=tuple(Message(str(each["role"]), each["content"]) for each in facts["prompt"]),
            agent=str(facts["agent"]),
            version=str(record.inputs.get("version") or ""),
            memory=Memory(facts.get("agent_memory") or Memory.NOWHERE),
            goes_on_from=str(facts.get("agent_sent_with") or ""),
        )
        return AgentCall(Target("", endpoint, Secret("")), request, store=False).wire_request(())
    except (EndpointError, FoundryError, KeyError, TypeError, ValueError):
        return None
