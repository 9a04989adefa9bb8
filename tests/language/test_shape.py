"""What is known of a value before it is there."""

from typing import Any

import pytest

from flows.language.secret_parts import EACH
from flows.language.shape import (
    BOOLEAN,
    NUMBER,
    SECRET,
    TEXT,
    UNKNOWN,
    Shape,
    merge_shapes,
    object_shape,
    shape_of,
    shape_of_schema,
    with_secrets,
)

PEOPLE = Shape("list", item=object_shape(name=TEXT, age=NUMBER))


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (None, UNKNOWN),
        (True, BOOLEAN),
        (1.5, NUMBER),
        ("a", TEXT),
        ([], Shape("list")),
        ([{"name": "Ada", "age": 3}, {"other": 1}], PEOPLE),
        ({"a": [True]}, object_shape(a=Shape("list", item=BOOLEAN))),
    ],
)
def test_a_value_has_the_shape_of_its_first_items(value: Any, shape: Shape) -> None:
    assert shape_of(value) == shape


def test_a_shape_has_so_many_parts_and_levels() -> None:
    wide: dict[str, Any] = {str(number): 1 for number in range(201)}
    assert len(shape_of(wide).parts) == len(shape_of_schema({"properties": wide}).parts) == 200
    for deep, again in (
        ("a", lambda inner: {"x": inner}),
        ("a", lambda inner: [inner]),
    ):
        for _ in range(9):
            deep = again(deep)
        known, step = shape_of(deep), "x" if isinstance(deep, dict) else 0
        for _ in range(8):
            known = known.part(step)
        assert known.type in ("object", "list")
        assert known.part(step) == UNKNOWN


@pytest.mark.parametrize(
    ("schema", "shape"),
    [
        ({"type": "array", "items": {"type": "integer"}}, Shape("list", item=NUMBER)),
        ({"type": ["string", "null"]}, TEXT),
        ({"type": ["string", "number"]}, UNKNOWN),
        ({"type": "null"}, UNKNOWN),
        ({"type": {"broken": 1}}, UNKNOWN),
        ({"properties": {"a": {"type": "boolean"}, "b": True}}, object_shape(a=BOOLEAN, b=UNKNOWN)),
        ({"properties": [], "items": []}, UNKNOWN),
        (True, UNKNOWN),
    ],
)
def test_a_schema_says_the_shape_of_its_values(schema: Any, shape: Shape) -> None:
    assert shape_of_schema(schema) == shape


def test_a_schema_that_is_too_deep_ends() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(9):
        schema = {"type": "array", "items": schema}
    known = shape_of_schema(schema)
    for _ in range(8):
        known = known.part(0)
    assert (known.type, known.part(0)) == ("list", UNKNOWN)


def test_shapes_together_have_every_part_of_each() -> None:
    assert merge_shapes([]) == UNKNOWN
    assert merge_shapes([TEXT, TEXT]) == TEXT
    assert merge_shapes([TEXT, NUMBER]) == UNKNOWN
    both = merge_shapes([object_shape(a=TEXT, b=TEXT), object_shape(b=NUMBER, c=BOOLEAN)])
    assert both == object_shape(a=TEXT, b=UNKNOWN, c=BOOLEAN)
    lists = merge_shapes(
        [Shape("list", item=object_shape(a=TEXT)), Shape("list"), Shape("list", item=object_shape(b=TEXT))]
    )
    assert lists == Shape("list", item=object_shape(a=TEXT, b=TEXT))


def test_secret_parts_are_secrets_in_the_shape() -> None:
    assert with_secrets(PEOPLE, [(EACH, "key")]) == Shape("list", item=object_shape(name=TEXT, age=NUMBER, key=SECRET))
    assert with_secrets(PEOPLE, [(0, "name"), ("age",)]) == Shape("list", item=object_shape(name=SECRET, age=SECRET))
    assert with_secrets(UNKNOWN, [("a", "b"), ("c",)]) == object_shape(a=object_shape(b=SECRET), c=SECRET)
    assert with_secrets(UNKNOWN, [(EACH,)]).part(3) == SECRET


def test_what_is_not_known_of_a_part_is_unknown() -> None:
    assert (PEOPLE.part("name"), PEOPLE.part(0).part("x"), TEXT.part(1)) == (UNKNOWN, UNKNOWN, UNKNOWN)
