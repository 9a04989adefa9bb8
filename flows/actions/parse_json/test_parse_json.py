import pytest

from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

SCHEMA = {"type": "object", "required": ["name"], "properties": {"age": {"type": "integer", "minimum": 0}}}


def document(**properties):
    actions = [
        {"id": "parse", "type": "parse_json", "properties": {"text": "{{ text }}", **properties}},
        {"id": "ret", "type": "return", "properties": {"value": "{{ parsed }}"}},
    ]
    inputs = [{"name": "text", "type": "text"}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": actions})


async def parsed(text, **properties):
    return await execute(document(**properties), {"text": text}, MemoryJournal(), MemoryServices())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        ("7", 7),
        (' "é" ', "é"),
        ('Here you are:\n```json\n{"a": 1}\n```\nAnything else?', {"a": 1}),
        ("```\r\n[1]\r\n```", [1]),
        ("[" + "1," * 30_000 + "1]", [1] * 30_001),
    ],
)
async def test_a_text_becomes_its_value(text, value):
    assert await parsed(text) == value


@pytest.mark.parametrize(
    ("text", "words", "raw"),
    [
        ('{\n  "a": }', "Text is not JSON: line 2, column 8: Expecting value.", '{\n  "a": ⟪here⟫}'),
        ("no", "Text is not JSON: line 1, column 1: Expecting value.", "⟪here⟫no"),
        ("[1] x", "Text is not JSON: line 1, column 5: Extra data.", "[1] ⟪here⟫x"),
        (
            "```json\n{a}\n```",
            "The block of code in Text is not JSON: line 1, column 2: Expecting property",
            "{⟪here⟫a}\n",
        ),
        ("[" * 100_000, "Text is nested too deeply", ""),
        ("[NaN]", "Text has NaN or an infinite number, which are not JSON.", ""),
        ('"\\u0000"', "Text has a NUL character in a text.", ""),
        ("9" * 400, "Text has a number of hundreds or thousands of digits.", ""),
    ],
)
async def test_what_is_not_json_says_where(text, words, raw):
    with pytest.raises(RunFailed) as failed:
        await parsed(text)

    error = failed.value.error
    assert (error.kind, error.raw) == ("invalid_json", raw)
    assert error.message.startswith(words)


async def test_the_excerpt_is_short():
    with pytest.raises(RunFailed) as failed:
        await parsed("[" + "1, " * 1_000 + "x" + ", 1" * 1_000 + "]")
    assert failed.value.error.raw.startswith("… 1, 1")
    assert len(failed.value.error.raw) < 100


@pytest.mark.parametrize(
    ("text", "schema"),
    [('{"name": "Ann", "age": 7}', SCHEMA), ('{"9": "four"}', '{"type": "object", "required": ["{{ 10 - 1 }}"]}')],
)
async def test_a_value_that_fits_its_schema_goes_on(text, schema):
    assert await parsed(text, schema=schema)


@pytest.mark.parametrize(
    ("text", "schema", "kind", "words"),
    [
        ('{"name": "Ann", "age": -1}', SCHEMA, "schema_mismatch", r"At age: -1 is less than the minimum of 0\."),
        ("{}", SCHEMA, "schema_mismatch", r"'name' is a required property\."),
        ("{}", "{{ 5 }}", "schema", "JSON Schema: The schema is not a JSON object"),
        ("{}", {"type": "thing"}, "schema", "JSON Schema: The schema is not valid"),
    ],
)
async def test_a_value_that_does_not_fit_stops_the_run(text, schema, kind, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await parsed(text, schema=schema)
    assert failed.value.error.kind == kind


def test_lint_reads_the_schema():
    assert problems(document(schema=SCHEMA)) == []
    (found,) = problems(document(schema={"$ref": "https://example.com/schema"}))
    assert (found.property, found.message) == (
        "schema",
        "JSON Schema: The schema refers to https://example.com/schema. Nothing is fetched: copy it into $defs.",
    )
