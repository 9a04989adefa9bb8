"""The tools that an agent has called, and those that wait for somebody, as its answer tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connections.foundry.agents import AgentRequest
from connections.foundry.values import Completion

MOST, LONGEST = 50, 300  # calls, and characters of each detail
APPROVAL, CONSENT, FUNCTION = "mcp_approval_request", "oauth_consent_request", "function_call"
# Kind of a call -> where it says what it did.
DETAILS = ("arguments", "action", "queries", "code", "input", "server_label")


@dataclass(frozen=True)
class AgentToolCall:
    """`tool` is its name, or its kind: web_search, file_search, code_interpreter."""

    tool: str
    status: str = ""
    detail: str = ""  # what it was called with
    server: str = ""

    def to_json(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class ApprovalRequest:
    id: str
    tool: str
    server: str

    @property
    def words(self) -> str:
        return f"{self.tool} of {self.server}" if self.server else self.tool


def items_of(completion: Completion) -> Iterator[Mapping[str, Any]]:
    output = completion.raw.get("output")
    yield from (item for item in (output if isinstance(output, list) else ()) if isinstance(item, Mapping))


def tool_calls_of(completion: Completion) -> list[AgentToolCall]:
    """Those that were called, in their order: items whose type ends with _call."""
    calls = [item for item in items_of(completion) if str(item.get("type")).endswith("_call")]
    return [call_of(item) for item in calls[:MOST]]


def call_of(item: Mapping[str, Any]) -> AgentToolCall:
    detail = next((item[name] for name in DETAILS if item.get(name)), "")
    return AgentToolCall(
        str(item.get("name") or str(item["type"]).removesuffix("_call"))[:LONGEST],
        str("failed" if item.get("error") else item.get("status") or "")[:40],
        detail_words(detail)[:LONGEST],
        str(item.get("server_label") or "")[:LONGEST],
    )


def detail_words(detail: Any) -> str:
    """Of an object the text in it that says most: what was searched for."""
    if isinstance(detail, Mapping):
        return str(detail.get("query") or detail.get("url") or "")
    return ", ".join(map(str, detail)) if isinstance(detail, list) else str(detail)


def approvals_of(completion: Completion) -> list[ApprovalRequest]:
    return [
        ApprovalRequest(
            str(item.get("id") or ""), str(item.get("name") or "a tool"), str(item.get("server_label") or "")
        )
        for item in items_of(completion)
        if item.get("type") == APPROVAL
    ]


def approve(request: AgentRequest, wanted: Sequence[ApprovalRequest], response_id: str) -> AgentRequest:
    """What is said next: that these may be called."""
    items = [{"type": "mcp_approval_response", "approval_request_id": each.id, "approve": True} for each in wanted]
    goes_on = request.goes_on_from if request.keeps_conversation else response_id
    return replace(request, messages=(), items=tuple(items), goes_on_from=goes_on)


def waiting_words(completion: Completion) -> str | None:
    """Why the answer is none yet, in a sentence."""
    if wanted := approvals_of(completion):
        named = ", ".join(each.words for each in wanted)
        return f"Waits for an approval: the agent asks whether it may call {named}"[:LONGEST]
    consents = [item for item in items_of(completion) if item.get("type") == CONSENT]
    if consents:
        link = str(consents[0].get("consent_link") or "").partition("?")[0]
        return f"Waits for a consent: open the agent in its project and sign in to its tool {link}".rstrip()[:LONGEST]
    functions = [item for item in items_of(completion) if item.get("type") == FUNCTION]
    if functions and not completion.text:
        named = ", ".join(str(item.get("name") or "one") for item in functions)
        return f"The agent wants a function called that only a program has: {named}"[:LONGEST]
    return None
