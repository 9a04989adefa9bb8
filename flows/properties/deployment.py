"""The name of a deployment, as text: those of the connection that another property names are suggested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.language.expressions import is_plain
from flows.properties.base import Finding, LintContext, declare
from flows.properties.text import TextProperty


@dataclass(frozen=True, kw_only=True)
class DeploymentProperty(TextProperty):
    kind = "deployment"

    of: str  # the property that names the connection
    embeds: bool = False  # it is asked for embeddings

    def embeds_with(self, value: Any) -> str:
        return value.strip() if self.embeds and isinstance(value, str) and is_plain(value) else ""

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        yield from super().problems(value, context)
        connection, model = context.others.get(self.of), self.embeds_with(value)
        if model and model in context.without_embeddings.get(str(connection), ()):
            yield Finding(
                f"{model} makes no embeddings, as {connection} knows from its list or a refusal. Choose one of an "
                "embeddings model, or test it with a text to embed.",
                "warning",
            )


def deployment(label: str, **more: Any) -> Any:
    return declare(DeploymentProperty(label=label, **more))
