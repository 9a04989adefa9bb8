"""A JSON Schema as a property: what lint says of it, and what stays as it is."""

import pytest

from flows.language.shape import DEEPEST
from flows.properties.schema import SchemaProperty, against_strict
from tests.properties.test_kinds import context

ANSWER = SchemaProperty(label="Response format", words=("text", "json_object"), is_named=True)
ALONE = SchemaProperty(label="JSON Schema")
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}}
STRICT = {**PERSON, "required": ["name"], "additionalProperties": False}


def said(property, value):
    return [(finding.message, finding.severity) for finding in property.problems(value, context())]


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "json_object",
        "{{ t }}",
        "{% if t %}text{% endif %}",
        {"type": "json_object"},
        {"type": "text"},
        STRICT,
        {"name": "person", "schema": PERSON},
        {"name": "person", "strict": True, "schema": STRICT},
        {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": STRICT}},
        '{"name": "person", "strict": false, "schema": {"type": "object"}}',
    ],
)
def test_what_an_answer_may_be(value):
    assert said(ANSWER, value) == []


@pytest.mark.parametrize(
    ("value", "words", "severity"),
    [
        ("xml", "Response format 'xml' is not known. Give text, json_object or a JSON Schema.", "error"),
        ('{"a"', "Response format: line 1: not JSON (Expecting ':' delimiter).", "error"),
        ({"type": "json_schema", "json_schema": {}}, "Response format: json_schema has no schema in it.", "error"),
        ({"schema": {"type": "thing"}}, "Response format: The schema is not valid. At type:", "error"),
        ("{{ gone }}", "`gone` is not a variable here.", "error"),
        ({"type": "{{ gone }}"}, "`gone` is not a variable here.", "error"),
        (" {", "Response format: line 1: not JSON", "error"),
        ({"type": "object"}, "needs additionalProperties: false in the schema.", "warning"),
        ({"properties": {}}, "needs additionalProperties: false in the schema.", "warning"),
        (PERSON, "needs additionalProperties: false in the schema.", "warning"),
        ({**STRICT, "required": []}, "requires every property; name of the schema is not.", "warning"),
        (
            {"strict": True, "schema": {**STRICT, "properties": {"name": {"type": "array", "items": PERSON}}}},
            "needs additionalProperties: false in the items of name.",
            "warning",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(value, words, severity):
    ((message, found),) = said(ANSWER, value)
    assert words in message
    assert found == severity


def test_a_schema_by_itself_has_neither_name_nor_words():
    assert said(ALONE, PERSON) == []
    assert said(ALONE, '{"type": "object"}') == []
    ((message, _),) = said(ALONE, "text")
    assert message.startswith("JSON Schema 'text' is not known. A schema is an object such as")


def test_a_schema_that_refers_to_itself_ends():
    inner = {"type": "object", "properties": {}, "additionalProperties": False}
    inner["properties"]["again"] = inner
    with_refs = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"], "additionalProperties": False}
    assert said(ANSWER, with_refs) == []


@pytest.mark.parametrize(("depth", "found"), [(DEEPEST, 1), (DEEPEST + 1, 0)])
@pytest.mark.parametrize(
    "around", [lambda inner: {"items": inner}, lambda inner: {**STRICT, "properties": {"name": inner}}]
)
def test_what_a_strict_schema_lacks_is_looked_for_so_deep(depth, found, around):
    schema = PERSON
    for _ in range(depth):
        schema = around(schema)
    assert len([*against_strict(schema)]) == 2 * found
