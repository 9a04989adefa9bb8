"""The name of a deployment, as text: those of the connection that another property names are suggested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.properties.base import declare
from flows.properties.text import TextProperty


@dataclass(frozen=True, kw_only=True)
class DeploymentProperty(TextProperty):
    kind = "deployment"

    of: str  # the property that names the connection


def deployment(label: str, **more: Any) -> Any:
    return declare(DeploymentProperty(label=label, **more))
