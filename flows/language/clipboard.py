"""Actions as text on the clipboard of a person: JSON that names its format, without secrets.

What stands for a secret in encrypted storage goes along, since it means nothing elsewhere: pasted into the flow that it
came from the secret is there again, anywhere else it is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.language.document import DocumentError, parse
from flows.language.nodes import Json
from flows.language.schema import FORMAT as FLOW_FORMAT
from flows.language.stored_secrets import LEFT_OUT, is_own_key
from foundryflow.strict_json import JsonError, storable_json

FAMILY, VERSION = "foundryflow-actions", "1"
FORMAT = f"{FAMILY}/{VERSION}"
PASTED_FORMATS = (FORMAT, FLOW_FORMAT)
LARGEST = 5 * 1024 * 1024  # characters
NOTHING_ELSE = "Copy actions in the designer, and paste them here."


class ClipboardError(ValueError):
    """What was pasted cannot be: a sentence."""


@dataclass(frozen=True)
class MissingSecret:
    """A place whose secret did not come along: of which action, in which property, and what it is called there."""

    action_id: str
    property: str
    name: str  # of a row or an entry in it; empty where the property is the secret


def clipboard_text(flow: str, actions: Sequence[Json]) -> str:
    """`flow` is the name of where they come from."""
    return json.dumps({"format": FORMAT, "flow": flow, "actions": list(actions)}, indent=2, ensure_ascii=False)


def actions_in(text: str) -> list[Json]:
    """The actions of what was copied, or of an exported flow. Raises ClipboardError."""
    if len(text) > LARGEST:
        raise ClipboardError(f"What you pasted is {len(text) / 1_000_000:.0f} MB; at most 5 MB can be pasted.")
    try:
        given = storable_json(text)
    except JsonError:
        raise ClipboardError(f"What you pasted is no actions of a flow. {NOTHING_ELSE}") from None
    format = given.get("format") if isinstance(given, dict) else None
    if format not in PASTED_FORMATS:
        raise ClipboardError(unknown_format(format))
    actions = given.get("actions")
    if not actions:
        raise ClipboardError("There is no action in what you pasted.")
    try:
        found = parse({"format": FLOW_FORMAT, "name": "Pasted", "actions": actions})
    except DocumentError as error:
        raise ClipboardError(f"What you pasted is broken: {error.problems[0]}") from None
    return list(found.json["actions"])


def unknown_format(format: Any) -> str:
    family = format.partition("/")[0] if isinstance(format, str) else ""
    if family in (FAMILY, FLOW_FORMAT.partition("/")[0]):
        return f"What you pasted is from another version of FoundryFlow ({format[:40]}); this server reads {FORMAT}."
    return f"What you pasted is no actions of a flow. {NOTHING_ELSE}"


def without_missing_secrets(actions: Sequence[Json], known: Collection[str]) -> tuple[list[Json], list[MissingSecret]]:
    """The actions with nothing in the places of stored secrets whose keys are not `known`, and those places."""
    missing: list[MissingSecret] = []

    def clean(action: Json) -> Json:
        made = {**action}
        if properties := action.get("properties"):
            made["properties"] = {name: clean_property(action, name, value) for name, value in properties.items()}
        if lanes := action.get("branches"):
            made["branches"] = [
                {**lane, "actions": [clean(inner) for inner in lane.get("actions") or []]} for lane in lanes
            ]
        return made

    def clean_property(action: Json, property: str, value: Any) -> Any:
        def note(name: str) -> None:
            missing.append(MissingSecret(str(action["id"]), property, name))

        return without_secrets(value, known, note)

    return [clean(action) for action in actions], missing


def without_secrets(value: Any, known: Collection[str], note: Callable[[str], None], name: str = "") -> Any:
    """The value with None for each stored secret that is not known; `note` is told what it is called."""
    if is_own_key(value) or value == LEFT_OUT:
        if value["secret"] in known:
            return value
        note(name)
        return None
    if isinstance(value, Mapping):
        called = str(value.get("name") or "")
        return {key: without_secrets(inner, known, note, called or str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_secrets(inner, known, note, name) for inner in value]
    return value
