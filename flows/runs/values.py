"""How the page of a run shows inputs, outputs and variables: as they read best, of large ones the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.runs.value_place import ValuePlace, parsed_json
from flows.runs.value_table import ValueTable, table_of
from flows.runs.value_tree import TreeNode, is_table, tree_of
from foundryflow.templatetags.ui import pretty

LONG, BEGINNING = 10_000, 2_000  # characters: what is longer is cut
LONG_ANSWER = 40_000
LONGEST_PARSED = 1_000_000  # characters of a text that is looked at as JSON


@dataclass(frozen=True)
class ValueView:
    """A value as text, code, table or tree; where it reads in several ways, the first of `ways` is shown."""

    text: str | None = None
    table: ValueTable | None = None
    tree: TreeNode | None = None
    code: str | None = None
    empty: bool = False
    length: int | None = None  # characters of the whole, where text or code is only its beginning
    place: ValuePlace | None = None

    @property
    def ways(self) -> list[tuple[str, str]]:
        """Names and words."""
        words = {"table": "Table", "tree": "Tree", "text": "Text"}
        return [(name, label) for name, label in words.items() if getattr(self, name) is not None]


def value_view(value: Any, place: ValuePlace, path: str = "") -> ValueView:
    """`path` is what the value is called in a flow."""
    if value is None or value == {}:
        return ValueView(empty=True)
    if isinstance(value, str):
        return told_view(value, place, path)
    if isinstance(value, bool):
        return ValueView(text=str(value).lower())
    if isinstance(value, int | float):
        return ValueView(text=str(value))
    if not value:
        return ValueView(code=pretty(value))
    table = table_of(value, place) if is_table(value) else None
    return ValueView(tree=tree_of(TreeNode("", value, place, path or place.root)), table=table, place=place)


def told_view(text: str, place: ValuePlace, path: str = "") -> ValueView:
    """A text, which may be JSON."""
    view = text_view(text, place)
    try:
        found = parsed_json(text) if len(text) <= LONGEST_PARSED else None
    except (ValueError, RecursionError):
        found = None
    if not found:
        return view
    tree = tree_of(TreeNode("", found, place, path or place.root))
    return ValueView(text=view.text, tree=tree, length=view.length, place=place)


def text_view(text: str, place: ValuePlace, longest: int = LONG) -> ValueView:
    if len(text) <= longest:
        return ValueView(text=text)
    return ValueView(text=beginning_of(text), length=len(text), place=place)


def code_view(text: str, place: ValuePlace) -> ValueView:
    """JSON as it came: a tree where it can be read whole."""
    view = told_view(text, place)
    if view.tree is not None:
        return view
    return ValueView(code=view.text, length=view.length, place=place)


def beginning_of(text: str) -> str:
    return f"{text[:BEGINNING]}…"


def value_views(values: Mapping[str, Any], run: int, of: str, action: str = "") -> list[tuple[str, ValueView]]:
    """Values with their names."""
    return [(name, value_view(value, ValuePlace(run, of, action, name))) for name, value in values.items()]


def variable_of(inputs: Mapping[str, Any]) -> str:
    """What a flow calls the output of an action with these inputs; empty when nothing calls it."""
    return str(inputs.get("result_variable_name") or "")
