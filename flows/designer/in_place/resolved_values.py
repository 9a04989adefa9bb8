"""What the templates of an action became in the run that is shown, with what was put into them marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from flows.properties.base import text_of
from foundryflow.templatetags.ui import pretty

LONGEST = 4_000  # characters that are shown
LONG, MOST_LINES = 160, 3  # characters and lines from which on the end is folded away
EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
Part = tuple[str, bool]  # text, and whether a value was put in there


@dataclass(frozen=True)
class ResolvedValue:
    """One property as a run had it; secrets are masks."""

    run: int
    parts: list[Part]

    @property
    def html(self) -> SafeString:
        """What was put in is marked; the number of the run stands in front."""
        run, mark = format_html("<b>Run {}</b>", self.run), format_html_join("", "{}", self._html_parts())
        return run + mark

    def _html_parts(self) -> Iterator[tuple[SafeString]]:
        for text, is_value in self.parts:
            yield (format_html("<u>{}</u>" if is_value else "{}", text),)

    @property
    def is_long(self) -> bool:
        text = "".join(part for part, _ in self.parts)
        return len(text) > LONG or text.count("\n") >= MOST_LINES


def resolved_values(stored: Mapping[str, Any], recorded: Mapping[str, Any], run: int) -> dict[str, ResolvedValue]:
    """Of the stored properties that hold a template, by name."""
    return {
        name: ResolvedValue(run, list(parts_of(text_of(stored[name]), value)))
        for name, value in recorded.items()
        if "{{" in text_of(stored.get(name)) and value != stored.get(name)
    }


def parts_of(template: str, value: Any) -> Iterator[Part]:
    """The text that a template became, in the order of its parts; as one where it is not known what was put where."""
    text = pretty(value)
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    literals = EXPRESSION.split(template)
    if not isinstance(value, str) or "{%" in template or "{#" in template or not text.startswith(literals[0]):
        yield shown, False
        return
    at, found = len(literals[0]), list[Part]([(literals[0], False)])
    for number, literal in enumerate(literals[1:], 1):
        is_last = number == len(literals) - 1
        end = len(text) - len(literal) if is_last else text.find(literal, at) if literal else at
        if end < at or text[end : end + len(literal)] != literal:
            yield shown, False
            return
        found += [(text[at:end], True), (literal, False)]
        at = end + len(literal)
    yield from cut(part for part in found if part[0])


def cut(parts: Iterator[Part]) -> Iterator[Part]:
    left = LONGEST
    for text, is_value in parts:
        if left <= 0:
            yield "…", False
            return
        yield text[:left], is_value
        left -= len(text)
