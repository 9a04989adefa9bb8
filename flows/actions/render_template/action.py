"""Makes a text of a template."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions.base import ActionType, Group, Result, Step
from flows.properties.choice import choice
from flows.properties.long_text import long_text
from flows.properties.new_variable import result_variable

KEEP, REMOVE = "keep", "remove"


@dataclass(frozen=True)
class Properties:
    template: str = long_text(
        "Template",
        required=True,
        rows=8,
        hint="Text with {{ values }}, {% for … %} and {% if … %}.",
        on_card=True,
    )
    blank_lines: str = choice("Blank lines", choices=(KEEP, REMOVE), default=KEEP, advanced=True)
    result_variable_name: str = result_variable("text", type="text")


class RenderTemplate(ActionType):
    type = "render_template"
    title = "Render template"
    purpose = "a text made of variables"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        text = properties.template
        if properties.blank_lines == REMOVE:
            text = "\n".join(line for line in text.splitlines() if line.strip())
        return Result(output=text, variables={properties.result_variable_name: text})
