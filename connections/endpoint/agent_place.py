"""Whether agents are found at a stored address, without taking it apart: lint asks this of many."""

from __future__ import annotations

from enum import StrEnum


class AgentPlace(StrEnum):
    NONE = "none"
    PROJECT = "project"  # which has many
    AGENT = "agent"  # the address is that of one


def agent_place(address: str) -> AgentPlace:
    if "/api/projects/" not in address:
        return AgentPlace.NONE
    is_one = "/protocols/openai/" in address or "agent_reference=" in address
    return AgentPlace.AGENT if is_one else AgentPlace.PROJECT
