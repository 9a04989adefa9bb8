"""The name of a stored connection at which there are agents: to a Foundry project, or to one agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connections.endpoint.agent_place import AgentPlace
from flows.properties.base import Finding, LintContext, declare
from flows.properties.connection import ConnectionProperty


class AgentConnectionProperty(ConnectionProperty):
    kind = "agent_connection"

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        found = list(super().problems(value, context))
        yield from found
        if not found and context.agent_places.get(value) is AgentPlace.NONE:
            yield Finding(
                f"{value} has no agents. Choose a connection to a project (…/api/projects/NAME) or to an agent.",
                "warning" if context.is_overridden else "error",
            )


def agent_connection(label: str, **more: Any) -> Any:
    return declare(AgentConnectionProperty(label=label, **more))
