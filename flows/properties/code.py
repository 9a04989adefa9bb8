"""A function in Python, which is taken as it stands: values go to its parameters, never into its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.language.python_source import LONGEST_CODE, CodeError, read_source
from flows.language.scope import Scope
from flows.properties.base import LONGEST_ON_CARD, Finding, LintContext, declare
from flows.properties.long_text import LongTextProperty


@dataclass(frozen=True, kw_only=True)
class CodeProperty(LongTextProperty):
    kind = "code"

    arguments: str  # the property that has the values for its parameters
    limits: tuple[str, str, str]  # those of seconds, megabytes, and calls inside each other

    async def read(self, value: Any, scope: Scope) -> Any:
        if not isinstance(value, str):
            raise ValueError("it is not a text")
        return value

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if not isinstance(value, str):
            yield Finding(f"{self.label} is not a text.")
            return
        try:
            read_source(value)
        except CodeError as error:
            yield Finding(f"{self.label}: {error}")

    def refuse(self, value: Any) -> str:
        is_long = isinstance(value, str) and len(value) > LONGEST_CODE
        return f"{self.label} is longer than {LONGEST_CODE:,} characters. Shorten it." if is_long else ""

    def brief(self, value: Any) -> str:
        try:
            return read_source(value).signature[:LONGEST_ON_CARD] if isinstance(value, str) else ""
        except CodeError:
            return ""


def code(label: str, **more: Any) -> Any:
    return declare(CodeProperty(label=label, **more))
