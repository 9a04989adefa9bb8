"""Reply of an agent -> the form of the Responses API: with the tools that it has called, and its conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connections.simulator.agents import AGENTS, conversation_of
from connections.simulator.replies import Reply
from connections.simulator.responses_answers import ResponsesAnswer

TOOL_ITEMS: dict[str, tuple[dict[str, Any], ...]] = {
    "researcher": (
        {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "simulated"}},
        {
            "type": "mcp_call",
            "status": "completed",
            "server_label": "shop",
            "name": "find_order",
            "arguments": '{"number": 7}',
            "output": "Order 7 is on its way (simulated).",
        },
    ),
}
APPROVAL = {
    "type": "mcp_approval_request",
    "server_label": "shop",
    "name": "refund_order",
    "arguments": '{"number": 7}',
}
FUNCTION = {
    "type": "function_call",
    "status": "completed",
    "call_id": "call_simulated",
    "name": "look_up",
    "arguments": '{"number": 7}',
}


def reply_of_agent(reply: Reply, before: Sequence[str]) -> Reply:
    """With what was said before in the conversation, so that one sees that it goes on."""
    said = f" Before that you said: {' / '.join(before)}" if before and reply.text else ""
    return replace(reply, text=f"{reply.text}{said}")


class AgentAnswer(ResponsesAnswer):
    """The answer of an agent to `body`."""

    def __init__(self, name: str, reply: Reply, body: Mapping[str, Any]) -> None:
        super().__init__(reply, body)
        self._name, self._body = name, body
        given = body.get("input")
        items = given if isinstance(given, list) else []
        approved = any(isinstance(item, Mapping) and item.get("type") == "mcp_approval_response" for item in items)
        self._waits = [item for item in self._asks() if not approved]

    def _asks(self) -> list[dict[str, Any]]:
        return {"approver": [APPROVAL], "clerk": [FUNCTION]}.get(self._name, [])

    def _head(self, status: str) -> dict[str, Any]:
        agent = AGENTS.get(self._name)
        conversation = conversation_of(self._body)
        version = str(agent.version if agent else 1)
        return {
            **super()._head(status),
            "model": agent.model if agent else "gpt-5.2",
            "agent_reference": {"type": "agent_reference", "name": self._name, "version": version},
            "conversation": {"id": conversation} if conversation and self._name != "hosted" else None,
        }

    def _items(self) -> list[dict[str, Any]]:
        called = [dict(item) for item in TOOL_ITEMS.get(self._name, ())]
        found = [*called, *(dict(item) for item in self._waits)]
        for number, item in enumerate(found):
            item["id"] = f"tool_{self._reply.id}_{number}"
        return found if self._waits else [*found, *super()._items()]

    def _item(self, index: int, item: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
        if not item["id"].startswith("tool_"):
            yield from super()._item(index, item)
            return
        begun = {**item, **({"status": "in_progress"} if "status" in item else {})}
        yield {"type": "response.output_item.added", "output_index": index, "item": begun}, False
        yield {"type": "response.output_item.done", "output_index": index, "item": item}, False
