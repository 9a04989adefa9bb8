"""The inputs of a flow as a form: what may be typed, and what the run is given then."""

import pytest

from flows.language.document import parse
from flows.runs.forms import InputsForm


def form_of(type, data=None, **declared):
    document = parse(
        {"format": "foundryflow/1", "name": "x", "inputs": [{"name": "a", "type": type, **declared}], "actions": []}
    )
    return InputsForm(document, data)


@pytest.mark.parametrize(
    ("type", "typed", "value"),
    [
        ("text", "  as typed ", "  as typed "), ("number", "3", 3), ("number", "2.5", 2.5), ("boolean", "on", True),
        ("list", '[1, "a"]', [1, "a"]), ("object", '{"a": null}', {"a": None}), ("secret", "s3cret", "s3cret"),
    ],
)  # fmt: skip
def test_what_is_typed_becomes_a_value_of_the_type(type, typed, value):
    form = form_of(type, {"input-a": typed})
    assert form.is_valid()
    assert form.inputs() == {"a": value}


@pytest.mark.parametrize(("type", "typed"), [("number", "many"), ("list", "{}"), ("list", "[1"), ("object", "[]")])
def test_what_is_of_another_type_is_refused_in_a_sentence(type, typed):
    form = form_of(type, {"input-a": typed})
    assert not form.is_valid()
    assert form.errors["a"][0].startswith("This ")


@pytest.mark.parametrize("type", ["text", "number", "list", "object", "secret"])
def test_an_empty_input_takes_its_default_or_is_required(type):
    assert form_of(type, {}).is_valid()
    assert form_of(type, {}, required=True).errors["a"] == ["a is required."]
    default = {"number": 3, "list": [1], "object": {"b": 1}}.get(type, "x")
    form = form_of(type, {}, required=True, default=default)
    assert form.is_valid()
    assert form.inputs() == {}


def test_a_switch_is_never_required():
    form = form_of("boolean", {}, required=True)
    assert form.is_valid()
    assert form.inputs() == {"a": False}


@pytest.mark.parametrize(
    ("type", "default", "shown"),
    [
        ("text", "x < y", "x &lt; y</textarea>"),
        ("number", 3, 'value="3"'),
        ("list", ["ä"], "[&quot;ä&quot;]</textarea>"),
    ],
)
def test_a_default_stands_in_the_field(type, default, shown):
    assert shown in str(form_of(type, default=default)["a"])


def test_a_secret_is_never_shown():
    stored = str(form_of("secret", default={"secret": "s0123456789ab"})["a"])
    assert "s0123456789ab" not in stored
    assert "stored · blank uses it" in stored
    assert "s3cret" not in str(form_of("secret", {"input-a": "s3cret"})["a"])
