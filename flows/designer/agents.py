"""Suggests the agents of a connection: those that runs have asked, and those that its project lists."""

from __future__ import annotations

from connections.clients import foundry_client
from connections.endpoint.agent_place import AgentPlace, agent_place
from connections.foundry.agents import LABEL
from connections.models import Connection
from flows.designer.suggestions import MOST, SuggestedNames, Suggestion
from flows.models import UsageSeries

PLACE_WORDS = {
    AgentPlace.NONE: "{} has no agents: it is no connection to a Foundry project.",
    AgentPlace.AGENT: "{} is the endpoint of one agent: leave this empty.",
}


def why_none(connection: Connection) -> str:
    return PLACE_WORDS.get(agent_place(connection.endpoint), "").format(connection.name)


def asked_agents(connection: Connection) -> list[Suggestion]:
    """Those that runs have asked."""
    series = UsageSeries.objects.filter(connection=connection.name, error="", deployment__startswith=LABEL)
    labels = series.order_by("deployment").values_list("deployment", flat=True).distinct()[:MOST]
    return [Suggestion(label.removeprefix(LABEL), "asked in runs") for label in labels]


async def listed_agents(connection: Connection) -> list[Suggestion] | None:
    listed = await foundry_client().agents(connection.target())
    return None if listed is None else [Suggestion(each.name, str(each)) for each in listed]


AGENTS = SuggestedNames(
    "Agents",
    without_connection="Choose a connection: its agents are listed here.",
    asking="Asking {} for its agents…",
    without_list="{} gives no list; type the name.",
    known=asked_agents,
    listed=listed_agents,
    why_none=why_none,
)
