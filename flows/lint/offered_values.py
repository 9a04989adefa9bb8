"""The values to choose from at a place of a flow: variables by what declares them, with their paths inside.

What is known of them before a run (`flows/language/shape.py`) goes together with what a run had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from flows.language.scope import VariableInScope
from flows.language.secret_parts import PathError, parse_path
from flows.language.shape import UNKNOWN, Shape, merge_shapes, shape_of
from flows.language.values import as_text

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
SINGLE_PATH = re.compile(r"\{\{-?\s*([^{}|()+~]+?)\s*-?\}\}")
MOST_VALUES = 800  # of all variables together
MOST_PATHS = 50  # of one variable beside others
MOST_PATHS_ALONE = 1_000  # of one that is asked for by itself
MOST_CHILDREN = 100  # of one object
FLAT = 12  # an object of so many values stands open inside one that is opened
DEEPEST = 6  # objects inside each other
ITEMS = 3  # of a list of the last run
LONGEST = 40  # characters of a value that are shown
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})
NOTHING = object()  # there is no value


@dataclass
class OfferedValue:
    """A variable, or a path into one."""

    path: str  # as an expression: customer.orders[0].id
    name: str  # the variable, or the path behind that of the object it is shown under: .orders[0].id
    type: str
    last: str = ""  # its value in the last run, in a few words
    may_be_unset: bool = False
    parts: list[OfferedValue] = field(default_factory=list)
    has_more: bool = False  # paths that were left out


@dataclass
class ValueGroup:
    """The values of one origin."""

    origin: str
    values: list[OfferedValue]

    @property
    def may_be_unset(self) -> bool:
        return all(value.may_be_unset for value in self.values)


@dataclass
class Room:
    """How many values may still be listed."""

    left: int

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


def by_origin(variables: Sequence[VariableInScope]) -> list[tuple[str, list[VariableInScope]]]:
    """The nearest first."""
    found: dict[str, list[VariableInScope]] = {}
    for variable in reversed(variables):
        found.setdefault(variable.declared_by, []).insert(0, variable)
    return list(found.items())


def offered_values(variables: Sequence[VariableInScope], last: Mapping[str, Any], only: str = "") -> list[ValueGroup]:
    """The variables with the paths into them, the nearest first.

    `last` has values of a run by name; `only` names one variable, which is listed with all of its paths.
    """
    scope, room = Resolver({variable.name: variable for variable in variables}, last), Room(MOST_VALUES)
    groups = []
    for origin, found in by_origin(variables):
        chosen = [variable for variable in found if only in ("", variable.name)]
        if chosen:
            nearest = [scope.offer(each, room, alone=bool(only)) for each in reversed(chosen)]
            groups.append(ValueGroup(origin, nearest[::-1]))
    return groups


@dataclass(frozen=True)
class Resolver:
    """What is known of variables, and the values that they had."""

    variables: Mapping[str, VariableInScope]
    last: Mapping[str, Any]

    def offer(self, variable: VariableInScope, room: Room, *, alone: bool) -> OfferedValue:
        shape, value = self.known_of(variable.name)
        type = variable.type or shape.type
        made = OfferedValue(variable.name, variable.name, type, brief(value), variable.may_be_unset)
        if type in ("secret", "connection"):
            made.last = ""
            return made
        most = MOST_PATHS_ALONE if alone else min(MOST_PATHS, room.left)
        own = Room(most)
        made.parts = list(paths_into(variable.name, "", shape, value, own, 0))
        made.has_more = own.left < 0
        room.left -= most - max(own.left, 0)
        return made

    def known_of(self, name: str, depth: int = 0) -> tuple[Shape, Any]:
        """The shape of a variable and its last value. An item is like the first of its list."""
        variable, value = self.variables.get(name), self.last.get(name, NOTHING)
        if variable is None or depth > DEEPEST:
            return UNKNOWN, value
        shape = variable.shape
        if variable.item_of is not None:
            of_list, items = Resolver(variable.item_of.variables, self.last).known_at(
                variable.item_of.stored, depth + 1
            )
            shape = merge_shapes(filter(None, (shape, of_list.item)))
            value = part_of(items, 0) if depth or value is NOTHING else value
        return merge_known(shape, shape_of(value)), value

    def known_at(self, stored: Any, depth: int) -> tuple[Shape, Any]:
        """What a stored value is that is a list, or a template which is nothing but a path to one."""
        if isinstance(stored, list):
            return shape_of(stored), NOTHING
        found = SINGLE_PATH.fullmatch(stored.strip()) if isinstance(stored, str) else None
        try:
            name, *steps = parse_path(found.group(1)) if found else ("",)
        except PathError:
            return UNKNOWN, NOTHING
        shape, value = self.known_of(str(name), depth)
        for step in steps:
            shape, value = shape.part(step), part_of(value, step)
        return shape, value


def merge_known(known: Shape, seen: Shape) -> Shape:
    """What is known goes before what was seen in one run; secrets stay secrets."""
    if known.type == "secret" or seen == UNKNOWN:
        return known
    if known == UNKNOWN:
        return seen
    names = dict.fromkeys([*seen.parts, *known.parts])
    parts = {name: merge_known(known.parts.get(name, UNKNOWN), seen.parts.get(name, UNKNOWN)) for name in names}
    items = [known.item or UNKNOWN, seen.item or UNKNOWN]
    item = merge_known(*items) if known.item or seen.item else None
    return Shape(known.type or seen.type, parts, item)


def part_of(value: Any, step: str | int) -> Any:
    match value:
        case Mapping() if step in value:
            return value[step]
        case list() if isinstance(step, int) and -len(value) <= step < len(value):
            return value[step]
    return NOTHING


def paths_into(path: str, under: str, shape: Shape, value: Any, room: Room, depth: int) -> Iterator[OfferedValue]:
    """The paths into an object or a list, as they stand below it; small objects inside stand open."""
    if depth > DEEPEST:
        return
    for step, inner, held in steps_into(shape, value):
        if not room.take():
            return
        here, name = f"{path}{step}", f"{under}{step}"
        made = OfferedValue(here, name, inner.type, "" if inner.type == "secret" else brief(held))
        yield made
        if inner.type == "secret":
            continue
        is_flat = inner.type == "object" and under.count(".") < 2 and 0 < len(inner.parts) <= FLAT
        if is_flat:
            yield from paths_into(here, name, inner, held, room, depth + 1)
        else:
            made.parts = list(paths_into(here, "", inner, held, room, depth + 1))


def steps_into(shape: Shape, value: Any) -> Iterator[tuple[str, Shape, Any]]:
    """How an expression goes on to each part, with what is known of it."""
    if shape.item is not None:
        count = min(len(value), ITEMS) if isinstance(value, list) and value else 1
        for at in range(count):
            held = part_of(value, at)
            yield f"[{at}]", merge_known(shape.item, shape_of(held)), held
        return
    for name in islice(filter(is_reachable, shape.parts), MOST_CHILDREN):
        yield step_of(name), shape.parts[name], part_of(value, name)


def is_reachable(name: str) -> bool:
    """Whether the template language lets it be named."""
    return not any(part.startswith("_") for part in name.split("."))


def step_of(name: str) -> str:
    return f".{name}" if NAME.fullmatch(name) else f'["{name.translate(ESCAPES)}"]'


def brief(value: Any) -> str:
    """A value of a run in a few words."""
    match value:
        case _ if value is NOTHING:
            return ""
        case None:
            return "nothing"
        case bool() | int() | float():
            return as_text(value)
        case str():
            return f"“{shorten(value)}”" if value.strip() else "empty"
        case Mapping():
            return brief_object(value)
        case list():
            return f"{len(value):,} item{'' if len(value) == 1 else 's'}"
    return ""


def brief_object(value: Mapping[str, Any]) -> str:
    usage = value.get("usage")
    if isinstance(value.get("text"), str) and isinstance(usage, Mapping):
        spent = usage.get("completion_tokens")
        return f"answer, {spent:,} tokens" if isinstance(spent, int) else f"“{shorten(value['text'])}”"
    count = f"{len(value):,} value{'' if len(value) == 1 else 's'}"
    first = next(first_words(value.values()), "")
    return f"{first}, {count}" if first else count


def first_words(values: Iterable[Any]) -> Iterator[str]:
    """Of the values that say something in a word."""
    for value in values:
        if isinstance(value, str) and value.strip():
            yield shorten(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield as_text(value)


def shorten(text: str) -> str:
    words = " ".join(text[: LONGEST * 4].split())
    return words if len(words) <= LONGEST and len(text) <= LONGEST * 4 else f"{words[:LONGEST].rstrip()}…"
