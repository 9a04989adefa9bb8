"""Ends the run, or the try around it, with an error of one's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.properties.long_text import long_text
from flows.properties.text import text

KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Properties:
    message: str = long_text("Message", required=True, hint="What happened, for people.", on_card=True)
    kind: str = text(
        "Kind",
        default="thrown",
        hint="For Try and catch to tell errors apart, such as no_stock.",
    )
    hint: str | None = text("Hint", empty="none", hint="What to do about it.")


class Throw(ActionType):
    type = "throw"
    title = "Throw"
    purpose = "an error of your own"
    group = Group.CONTROL
    properties = Properties
    leaves_block = True

    async def execute(self, properties: Properties, step: Step) -> Result:
        kind = properties.kind.strip()
        if not KIND.fullmatch(kind):
            raise ActionError("property_wrong", f"Kind {kind[:40]!r} is no kind.", "Small letters, digits and _ only.")
        raise ActionError(kind, properties.message, properties.hint or "")

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        kind = action.properties.get("kind")
        wrong = isinstance(kind, str) and kind and "{{" not in kind and not KIND.fullmatch(kind)
        return [("kind", "Kind has small letters, digits and _ only, such as no_stock.")] if wrong else []
