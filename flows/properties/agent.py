"""The name of an agent, as text: those of the project that another property names the connection of are suggested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connections.endpoint.agent_place import AgentPlace
from flows.properties.base import Finding, LintContext, declare
from flows.properties.deployment import DeploymentProperty


class AgentProperty(DeploymentProperty):
    kind = "agent"

    def unset_problems(self, context: LintContext) -> Iterator[Finding]:
        """A project has many; where the connection is to one agent, that is asked."""
        connection = context.others.get(self.of)
        if isinstance(connection, str) and context.agent_places.get(connection) is AgentPlace.PROJECT:
            yield Finding(f"{self.label} is missing. {connection} is a Foundry project, which has many.")


def agent(label: str, **more: Any) -> Any:
    return declare(AgentProperty(label=label, **more))
