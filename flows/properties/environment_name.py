"""The name of an environment variable of the server, of those that an administrator lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flows.properties.base import Finding, LintContext, declare
from flows.properties.text import TextProperty


class EnvironmentNameProperty(TextProperty):
    kind = "environment_name"

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        listed = context.environment_secrets
        if isinstance(value, str) and "{{" not in value and listed is not None and value.strip() not in listed:
            yield Finding(
                f"{self.label}: {value.strip()[:60]} is not listed. An administrator lists it in "
                "FOUNDRYFLOW_ENVIRONMENT_SECRETS."
            )
        else:
            yield from super().problems(value, context)


def environment_name(label: str, **more: Any) -> Any:
    return declare(EnvironmentNameProperty(label=label, **more))
