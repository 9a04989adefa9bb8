"""What is known of a value before it is there: its type, the parts of an object, what the items of a list look like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flows.language.files import PARTS as FILE_PARTS
from flows.language.secret_parts import EACH, Path

MOST_PARTS = 200  # of one object
DEEPEST = 8  # objects and lists inside each other


@dataclass(frozen=True)
class Shape:
    """As far as it is known. `type` is one of the types of variables; empty when only a run tells."""

    type: str = ""
    parts: Mapping[str, Shape] = field(default_factory=dict)  # of an object, by name
    item: Shape | None = None  # of a list

    def part(self, step: str | int) -> Shape:
        """What is known of a part: by name of an object, by number of a list."""
        found = self.item if isinstance(step, int) else self.parts.get(step)
        return found or UNKNOWN


UNKNOWN = Shape()
TEXT, NUMBER, BOOLEAN, SECRET = Shape("text"), Shape("number"), Shape("boolean"), Shape("secret")


FILE = Shape("file", {name: NUMBER if name == "size" else TEXT for name in FILE_PARTS})


def object_shape(**parts: Shape) -> Shape:
    return Shape("object", parts)


def shape_of(value: Any, depth: int = 0) -> Shape:
    """The shape of a JSON value: that of a list is the one of its first item."""
    if depth > DEEPEST:
        return UNKNOWN
    match value:
        case bool():
            return BOOLEAN
        case int() | float():
            return NUMBER
        case str():
            return TEXT
        case Mapping():
            names = list(value)[:MOST_PARTS]
            return Shape("object", {str(name): shape_of(value[name], depth + 1) for name in names})
        case list() | tuple():
            return Shape("list", item=shape_of(value[0], depth + 1) if value else None)
    return UNKNOWN


JSON_TYPES = {
    "string": "text",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}


def shape_of_schema(schema: Any, depth: int = 0) -> Shape:
    """The shape of the values that a JSON Schema allows, as far as `type`, `properties` and `items` say it."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return UNKNOWN
    named, items = schema.get("properties"), schema.get("items")
    properties = list(named.items())[:MOST_PARTS] if isinstance(named, Mapping) else []
    parts = {str(name): shape_of_schema(each, depth + 1) for name, each in properties}
    item = shape_of_schema(items, depth + 1) if isinstance(items, Mapping) else None
    return Shape(type_in_schema(schema.get("type")) or ("object" if parts else ""), parts, item)


def type_in_schema(type: Any) -> str:
    """Of a type or a list of types, in which null says nothing."""
    named = [each for each in (type if isinstance(type, list) else [type]) if each != "null"]
    return JSON_TYPES.get(named[0], "") if len(named) == 1 and isinstance(named[0], str) else ""


def merge_shapes(shapes: Iterable[Shape]) -> Shape:
    """What is known of a value that has one of these shapes: every part that one of them has."""
    found = list(shapes)
    if not found or all(each == found[0] for each in found):
        return found[0] if found else UNKNOWN
    types = {each.type for each in found}
    names = dict.fromkeys(name for each in found for name in each.parts)
    parts = {name: merge_shapes(each.parts[name] for each in found if name in each.parts) for name in names}
    items = [each.item for each in found if each.item is not None]
    return Shape(types.pop() if len(types) == 1 else "", parts, merge_shapes(items) if items else None)


def with_secret(shape: Shape, path: Path) -> Shape:
    """The shape with a secret at the path, as the secret parts of an input name it."""
    if not path:
        return SECRET
    step, rest = path[0], path[1:]
    if step == EACH or isinstance(step, int):
        return Shape("list", item=with_secret(shape.item or UNKNOWN, rest))
    if shape.type == "list":
        return replace(shape, item=with_secret(shape.item or UNKNOWN, path))
    return Shape("object", {**shape.parts, step: with_secret(shape.parts.get(step, UNKNOWN), rest)})


def with_secrets(shape: Shape, paths: Sequence[Path]) -> Shape:
    for path in paths:
        shape = with_secret(shape, path)
    return shape
