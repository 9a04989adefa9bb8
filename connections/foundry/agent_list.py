"""Lists of agents -> ListedAgent. Source: the agents of azure-ai-projects 2.10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connections.endpoint.endpoint import Endpoint
from connections.foundry.filters import text_or_none
from connections.foundry.values import ProtocolError

VERSION = "v1"


@dataclass(frozen=True, slots=True)
class ListedAgent:
    """An agent of a project, in its newest version. What is not told is empty."""

    name: str
    kind: str = ""  # prompt, hosted, workflow, ...
    model: str = ""
    version: str = ""
    description: str = ""

    def __str__(self) -> str:
        """What it is, in a few words."""
        kind = f"{self.kind} agent" if self.kind else "agent"
        return " · ".join(filter(None, (kind, self.model, f"version {self.version}" if self.version else "")))


def agents_url(endpoint: Endpoint, name: str = "") -> str | None:
    """Where the agents of the project are listed, or one of them is described; None where there is no project."""
    if endpoint.project_url is None:
        return None
    one = f"/{quote(name, safe='')}" if name else ""
    return f"{endpoint.project_url}/agents{one}?api-version={VERSION}"


def page_of_agents(data: Any) -> tuple[list[ListedAgent], str | None]:
    """The agents, and the id behind which the rest of them is. Raises ProtocolError.

    {"object": "list", "data": [...], "last_id", "has_more"}; where `has_more` is not told, an id alone says it.
    """
    entries = data.get("data") if isinstance(data, Mapping) else None
    if not isinstance(entries, list):
        raise ProtocolError("the answer is no list")
    found = [agent for entry in entries if (agent := agent_of(entry)) is not None]
    goes_on = bool(entries) and data.get("has_more") is not False
    return found, text_or_none(data.get("last_id")) if goes_on else None


def agent_of(entry: Any) -> ListedAgent | None:
    """{"name", "versions": {"latest": {"version", "description", "definition": {"kind", "model"}}}}"""
    name = (text_or_none(entry.get("name")) or text_or_none(entry.get("id"))) if isinstance(entry, Mapping) else None
    if not name:
        return None
    newest = inner(inner(entry, "versions"), "latest")
    definition = inner(newest, "definition")
    return ListedAgent(
        name,
        text_or_none(definition.get("kind")) or "",
        text_or_none(definition.get("model")) or "",
        str(newest.get("version") or ""),
        text_or_none(newest.get("description")) or "",
    )


def inner(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}
