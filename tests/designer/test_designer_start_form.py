"""The form of Start: rows of inputs, and what of them goes into the document."""

import pytest

from flows.designer.start_form import StartForm
from flows.language.document import parse

KEY = "s0123456789ab"


def document(*inputs, **more):
    return parse({"format": "foundryflow/1", "name": "Flow", "inputs": list(inputs), "actions": [], **more})


def posted(*rows, **more):
    data = {"name": "Flow", **more}
    for at, row in enumerate(rows):
        full = {"name": "", "type": "text", "required": "", "default": "", "description": "", **row}
        data |= {f"input-{at}-{part}": value for part, value in full.items()}
    return data


def saved(stored, *rows, **more):
    form = StartForm(stored, posted(*rows, **more))
    assert form.is_valid(), form.errors
    return form.apply().to_json()


def test_stored_inputs_stand_in_rows_with_an_empty_one_at_the_end():
    form = StartForm(document({"name": "n", "type": "list", "required": True, "default": [1], "description": "What"}))
    first, last = form.rows_to_fill
    assert (first["name"], first["type"], first["required"], first["default"], first["description"]) == (
        "n", "list", True, "[1]", "What",
    )  # fmt: skip
    assert (last["name"], last["type"]) == ("", "text")


def test_saving_what_is_there_changes_nothing():
    inputs = [{"name": "a", "type": "text"}, {"name": "b", "type": "number", "default": 3, "more": "kept"}]
    stored = document(*inputs)
    assert saved(stored, {"name": "a"}, {"name": "b", "type": "number", "default": "3"}) == stored.to_json()


@pytest.mark.parametrize(
    ("type", "typed", "default"),
    [("text", "3", "3"), ("number", "3", 3), ("boolean", "true", True), ("list", "[1]", [1]), ("number", "{{ x }}", "{{ x }}")],
)  # fmt: skip
def test_a_default_is_of_the_type_of_its_input(type, typed, default):
    assert saved(document(), {"name": "a", "type": type, "default": typed})["inputs"][0]["default"] == default


def test_a_file_has_no_default():
    inputs = saved(document(), {"name": "a", "type": "file", "default": "typed before"})["inputs"]
    assert inputs == [{"name": "a", "type": "file"}]


def test_a_row_without_a_name_is_dropped():
    assert saved(document({"name": "a"}), {"name": " ", "default": "x"}, {"name": "b"})["inputs"] == [
        {"name": "b", "type": "text"}
    ]


@pytest.mark.parametrize(
    ("rows", "words"),
    [([{"name": "a"}, {"name": "a"}], "The input a is there twice."), ([{"name": "1a"}], "is not a name"),
     ([{"name": "a", "type": "connection"}], "'connection' is not a type.")],
)  # fmt: skip
def test_wrong_rows_are_refused_in_a_sentence(rows, words):
    form = StartForm(document(), posted(*rows))
    assert not form.is_valid()
    assert words in form.non_field_errors()[0]


def test_a_secret_stays_while_its_field_is_blank_and_is_not_shown():
    stored = document({"name": "token", "type": "secret", "default": {"secret": KEY}})
    row = StartForm(stored).rows_to_fill[0]
    assert (row["default"], row["kept"]) == ("", KEY)
    blank = {"name": "token", "type": "secret"}
    assert saved(stored, {**blank, "kept": KEY})["inputs"][0]["default"] == {"secret": KEY}
    assert saved(stored, blank)["inputs"][0]["default"] == {"secret": KEY}
    assert saved(stored, {**blank, "default": "new"})["inputs"][0]["default"] == "new"
    assert saved(stored, {**blank, "kept": KEY, "forget": "on"})["inputs"][0]["default"] is None
    typed = StartForm(stored, posted({**blank, "default": "s3cret"}))
    assert typed.rows_to_fill[0]["default"] == ""


def test_limits_of_a_run_that_are_not_posted_stay():
    stored = document(settings={"deadline": 60, "concurrency": 2})
    assert saved(stored)["settings"] == {"deadline": 60, "concurrency": 2}
    assert saved(stored, deadline="5")["settings"] == {"deadline": 5, "concurrency": 2}
    assert "deadline" not in saved(stored, deadline="").get("settings", {})


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"deadline": "0"}, {"deadline": "2592001"}, {"concurrency": "0"}, {"concurrency": "1001"}]
)
def test_the_limits_have_bounds(wrong):
    form = StartForm(document(), posted(**wrong))
    assert not form.is_valid()
    assert list(form.errors) == list(wrong)


@pytest.mark.parametrize(
    ("typed", "kept"), [("key, customers[*].key", ["key", "customers[*].key"]), ("", None), (" , ", None)]
)
def test_secret_parts_of_an_object_are_paths(typed, kept):
    stored = document({"name": "c", "type": "object", "secret_parts": ["old"]})
    (only,) = saved(stored, {"name": "c", "type": "object", "secret_parts": typed})["inputs"]
    assert only.get("secret_parts") == kept
    assert StartForm(parse({"format": "foundryflow/1", "name": "x", "inputs": [only]})).rows[0]["secret_parts"] == (
        ", ".join(kept or ())
    )


def test_a_text_has_no_parts_and_a_broken_path_is_refused():
    (only,) = saved(document(), {"name": "c", "type": "text", "secret_parts": "key"})["inputs"]
    assert "secret_parts" not in only
    form = StartForm(document(), posted({"name": "c", "type": "object", "secret_parts": "a..b"}))
    assert "is no path" in str(form.errors)
