"""Writes JSON values as literals of the languages that have them: Python and JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Text = Callable[[str, int, int], str]  # text, depth, columns taken of the first line -> literal


@dataclass(frozen=True)
class LiteralStyle:
    width: int
    indent: str
    none: str
    true: str
    false: str
    key: Callable[[str], str]  # with its colon
    number: Callable[[int | float], str]
    text: Text
    blank: str = ""  # inside the braces of an object on one line


@dataclass(frozen=True)
class RawCode:
    """An expression among the values, written as it is."""

    text: str


def value_literal(value: Any, style: LiteralStyle, depth: int, taken: int) -> str:
    """`taken` are the columns of the first line that something else stands in."""
    match value:
        case RawCode():
            return value.text
        case None:
            return style.none
        case bool():
            return style.true if value else style.false
        case int() | float():
            return style.number(value)
        case str():
            return style.text(value, depth, taken)
        case Mapping():
            lead, entries = "{}", [(style.key(str(name)), entry) for name, entry in value.items()]
        case _:
            lead, entries = "[]", [("", entry) for entry in value]
    one_line = on_one_line(lead, entries, style)
    if one_line is not None and taken + len(one_line) < style.width:
        return one_line
    return lead[0] + block(entries, style, depth) + lead[1]


def on_one_line(lead: str, entries: Sequence[tuple[str, Any]], style: LiteralStyle) -> str | None:
    """None for what is easier to read on several lines."""
    if not entries:
        return lead
    objects_in_list = lead == "[]" and any(isinstance(entry, Mapping) for _, entry in entries)
    if objects_in_list or any(isinstance(entry, str) and len(entry) >= style.width for _, entry in entries):
        return None
    made = ", ".join(f"{key} {value_literal(entry, style, 0, 0)}".strip() for key, entry in entries)
    blank = style.blank if lead == "{}" else ""
    return None if "\n" in made else f"{lead[0]}{blank}{made}{blank}{lead[1]}"


def block(entries: Sequence[tuple[str, Any]], style: LiteralStyle, depth: int) -> str:
    """An entry a line, between the brackets."""
    inner = style.indent * (depth + 1)
    lines = (
        with_lead(key, value_literal(entry, style, depth + 1, len(inner) + len(key) + 2)) for key, entry in entries
    )
    return "\n" + "".join(f"{inner}{line},\n" for line in lines) + style.indent * depth


def with_lead(lead: str, literal: str) -> str:
    """A literal that begins with a line end stands below what leads to it."""
    if not lead:
        return literal.lstrip()
    return lead + literal if literal.startswith("\n") else f"{lead} {literal}"
