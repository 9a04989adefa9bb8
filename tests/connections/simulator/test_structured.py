"""Answers that are JSON fit their schema, or misfit it where that is asked for; schemas are as strict as the service."""

import json
from itertools import count

import pytest

from connections.simulator.refusals import invalid_parameter
from connections.simulator.schemas import says_json, schema_format
from connections.simulator.structured import WantedForm, misfit, sample

TREE = {"properties": {"branch": {"$ref": "#"}}}
NAMED = {"$defs": {"age": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (None, "simulated"),
        ({}, "simulated"),
        ({"enum": [3, 4]}, 3),
        ({"enum": [], "type": "null"}, None),
        ({"const": False}, False),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
        ({"anyOf": [], "oneOf": [{"type": "number"}]}, 1.5),
        ({"type": ["integer", "null"]}, 1),
        ({"type": []}, "simulated"),
        ({"type": "string"}, "simulated"),
        ({"type": "object"}, {}),
        ({"type": "array", "items": {"type": "integer"}}, []),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "minItems": 1_000}, ["simulated"] * 100),
        ({"type": "string", "minItems": 2}, "simulated"),
        ({"properties": {"a": {"type": "integer"}, "b": {"properties": {}}}}, {"a": 1, "b": {}}),
        ({**NAMED, "properties": {"age": {"$ref": "#/$defs/age"}}}, {"age": 1}),
        ({**NAMED, "properties": {"age": {"$ref": "#/$defs/height"}}}, {"age": "simulated"}),
    ],
)
def test_a_sample_fits_its_schema(schema, value):
    assert sample(schema, schema) == value


def test_a_schema_that_contains_itself_ends():
    value = sample(TREE, TREE)
    for depth in count():  # noqa: B007 - asked for behind the loop
        if value == "simulated":
            break
        value = value["branch"]
    assert depth == 11


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("x", {"misfit": True}),
        ({}, {"misfit": True}),
        ({"a": "s", "b": 1, "c": 2}, {"a": 0, "b": 1}),
        ({"a": 1}, {"a": "simulated"}),
    ],
)
def test_a_misfit_has_a_wrong_part_and_lacks_one(value, wrong):
    assert misfit(value) == wrong


AGE = {"type": "object", "properties": {"age": {"type": "integer"}}}
SAID = f"Be brief. JSON Schema: {json.dumps(AGE)} Thanks."


@pytest.mark.parametrize(
    ("body", "texts", "form"),
    [
        ({}, [], None),
        ({}, ["JSON Schema: none"], None),
        ({}, ["Hi", SAID], WantedForm(AGE)),
        ({"response_format": {"type": "json_object"}}, [], WantedForm()),
        ({"response_format": {"type": "json_object"}}, [SAID], WantedForm(AGE)),
        ({"response_format": {"type": "text"}}, [], None),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": AGE}}}, [], WantedForm(AGE)),
        ({"text": {"format": {"type": "json_schema", "schema": AGE}}}, [], WantedForm(AGE)),
        ({"output_config": {"format": {"type": "json_schema", "schema": AGE}}}, ["x"], WantedForm(AGE)),
        ({"text": "format"}, [], None),
    ],
)
def test_the_form_of_an_answer_is_wanted_by_a_parameter_or_in_words(body, texts, form):
    assert WantedForm.of(body, texts) == form


@pytest.mark.parametrize(
    ("form", "deployment", "corrects", "text"),
    [
        (WantedForm(), "gpt", False, '{"simulated": true, "echo": "Hi"}'),
        (WantedForm(AGE), "gpt", False, '{"age": 1}'),
        (WantedForm(AGE), "misfit", False, '{"age": "simulated"}'),
        (WantedForm(AGE), "misfit", True, '{"age": 1}'),
        (WantedForm(AGE), "misfit-always", True, '{"age": "simulated"}'),
        (WantedForm(AGE), "fenced", False, '```json\n{"age": 1}\n```'),
    ],
)
def test_an_answer_is_json_unless_its_deployment_misfits(form, deployment, corrects, text):
    assert form.answer(deployment, "Hi", corrects=corrects) == text


STRICT = {"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}
LAX = {"type": "object"}
CLOSED = "'additionalProperties' is required to be supplied and to be false"
REQUIRED = "'required' is required to be supplied and to be an array including every key in properties"


@pytest.mark.parametrize(
    ("schema", "where", "what"),
    [
        (STRICT, "", None),
        ({"type": "string"}, "", None),
        ({"anyOf": [STRICT, {"type": "null"}]}, "", None),
        (LAX, "", CLOSED),
        ({"properties": {"a": {}}}, "", CLOSED),
        ({**STRICT, "required": []}, "", REQUIRED),
        ({**STRICT, "required": None}, "", REQUIRED),
        ({**STRICT, "properties": {"a": LAX}}, "'properties', 'a'", CLOSED),
        ({"type": "array", "items": LAX}, "'items'", CLOSED),
        ({"$defs": {"x": LAX}}, "'$defs', 'x'", CLOSED),
        ({"definitions": {"x": {"items": LAX}}}, "'definitions', 'x', 'items'", CLOSED),
        ({"anyOf": [STRICT, LAX]}, "'anyOf', '1'", CLOSED),
        ({"oneOf": [LAX]}, "'oneOf', '0'", CLOSED),
        ({"oneOf": {}, "$defs": []}, "", None),
    ],
)
def test_a_strict_schema_closes_every_level(schema, where, what):
    check = schema_format({}, "text.format.schema")
    named = {"name": "n", "schema": schema}
    message = f"Invalid schema for text_format_schema 'n': In context=({where}), {what}."
    refusal = what and invalid_parameter(None, message, "text.format.schema")
    assert check({**named, "strict": True}, "p") == refusal
    assert check({**named, "strict": False}, "p") is None


@pytest.mark.parametrize("name", ["two words", "", "x" * 65, 7])
def test_a_schema_has_a_name_that_is_one(name):
    refused = schema_format({}, "f")({"name": name, "schema": STRICT}, "p").body["error"]
    assert refused["param"] == "p.name"
    assert schema_format({}, "f")({"name": "x" * 64, "schema": STRICT}, "p") is None
    assert schema_format({}, "f")({"name": "n", "schema": []}, "p").body["error"]["param"] == "p.schema"


@pytest.mark.parametrize(("body", "says"), [({"a": ["Answer in Json."]}, True), ({"a": "XML"}, False)])
def test_the_word_json_is_looked_for_anywhere(body, says):
    assert says_json(body) is says
