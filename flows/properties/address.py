"""The address of an endpoint: a text in which no secret may stand, and none that does is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connections.endpoint.embedded_secrets import without_secrets
from connections.endpoint.recognise import secret_warning
from flows.properties.base import Finding, LintContext, declare
from flows.properties.text import TextProperty


class AddressProperty(TextProperty):
    kind = "address"

    def without_secrets(self, value: Any) -> Any:
        return without_secrets(value) if self.refuse(value) else value

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if why := self.refuse(value):
            yield Finding(why)
        else:
            yield from super().problems(value, context)

    def refuse(self, value: Any) -> str:
        return (secret_warning(value) or "") if isinstance(value, str) else ""


def address(label: str, **more: Any) -> Any:
    return declare(AddressProperty(label=label, **more))
