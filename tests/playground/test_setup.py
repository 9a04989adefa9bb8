"""What a call of the playground is made of: settings, variables, history, and the flow they become."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.language.document import DocumentError
from flows.lint.linter import problems
from flows.playground.setup import (
    ACTION,
    CONVERSATION,
    IMAGES,
    PARAMETERS,
    Example,
    Setup,
    document_of,
    setup_of,
    templates_of,
    tokens_of,
    user_message,
)
from flows.playground.variables import optional_in, type_of, typed_value, values_of, variables_in

TEXT = st.text(max_size=40)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1_000, 1_000) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
VALUES = JSON.filter(lambda value: value not in (None, ""))
SETUPS = st.builds(
    Setup,
    connection=TEXT,
    model=TEXT,
    instructions=TEXT,
    examples=st.lists(st.builds(Example, TEXT, TEXT), max_size=3).map(tuple),
    parameters=st.dictionaries(st.sampled_from(PARAMETERS), VALUES, max_size=4),
    history_messages=st.none() | st.integers(0, 50),
    history_tokens=st.none() | st.integers(0, 5_000),
)
KEYS = st.sampled_from([*(each.name for each in dataclasses.fields(Setup)), "unknown"])
MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda text: {"role": "assistant", "content": text}, TEXT),
        st.builds(user_message, TEXT, st.lists(st.just("data:image/png;base64,AAAA"), max_size=2)),
    ),
    max_size=12,
)
PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "a", "b.c", "inputs.x", 'inputs["y"]', "inputs", "for x in", "endfor", "if", "endif", "|", "join", "set a =", "1", "'t'", "[", "]", "(", ")"]
)  # fmt: skip


def asked(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def answered(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


@given(SETUPS)
def test_settings_survive_being_stored(setup: Setup) -> None:
    assert Setup.from_json(json.loads(json.dumps(setup.to_json()))) == setup


@given(st.dictionaries(KEYS, JSON, max_size=6))
@example({"examples": [{"user": None, "assistant": 3}, "x"], "history_messages": True, "history_tokens": -1})
def test_whatever_was_stored_gives_settings(data: dict[str, Any]) -> None:
    setup = Setup.from_json(data)
    assert Setup.from_json(setup.to_json()) == setup


def test_what_is_not_known_or_not_of_its_type_stays_at_its_default() -> None:
    stored = {
        "connection": 3,
        "model": "gpt-5.2",
        "examples": [{"user": None, "assistant": "Hello"}, "x"],
        "parameters": {"temperature": 0, "seed": None, "stop": "", "user": "ada"},
        "history_messages": True,
        "history_tokens": -1,
    }
    assert Setup.from_json(stored) == Setup(
        model="gpt-5.2", examples=(Example("", "Hello"),), parameters={"temperature": 0}
    )


@given(SETUPS)
def test_a_column_without_settings_of_its_own_has_those_of_the_session(setup: Setup) -> None:
    assert setup.with_overrides({}) == setup


def test_a_column_overrides_one_by_one_and_unsets_with_nothing() -> None:
    setup = Setup(connection="contoso", model="a", parameters={"temperature": 1, "seed": 7})
    own = {"model": "b", "parameters": {"seed": None, "top_p": 0.5}, "prompt": "not a setting"}
    assert setup.with_overrides(own) == Setup(
        connection="contoso", model="b", parameters={"temperature": 1, "top_p": 0.5}
    )


def test_every_text_of_the_settings_is_a_template() -> None:
    setup = Setup(instructions="i", examples=(Example("u", "a"), Example("v", "b")))
    assert list(setup.templates()) == ["i", "u", "a", "v", "b"]
    named = Setup(model="{{ m }}", parameters={"temperature": "{{ t }}", "stop": ["{{ s }}", "x"], "seed": 1})
    assert list(named.templates()) == ["{{ m }}", "{{ t }}", "{{ s }}", ""]


def test_a_number_is_one_where_a_template_calculates_with_it() -> None:
    document = document_of("x", Setup(), "{{ n + 1 }} {{ zip | length }} {{ zip }}", {"n": 1, "zip": 12345})
    assert [(each.name, each.type) for each in document.inputs][:2] == [("n", "number"), ("zip", "text")]


@given(SETUPS, TEXT)
def test_a_chat_completion_gives_the_settings_it_was_made_of(setup: Setup, prompt: str) -> None:
    without_window = dataclasses.replace(setup, history_messages=None, history_tokens=None)
    assert setup_of(setup.properties(prompt)) == (without_window, prompt)


def test_the_document_of_a_call_is_a_flow_without_problems() -> None:
    setup = Setup(connection="contoso", model="gpt-5.2", instructions="Be {{ tone }}.", parameters={"temperature": 0.2})
    document = document_of("Invoice question", setup, "{{ rows[0].name }}?", {"tone": "calm", "rows": [{"name": "a"}]})
    assert [(each.name, each.type) for each in document.inputs] == [
        ("tone", "text"), ("rows", "list"), (CONVERSATION, "list"), (IMAGES, "list"),
    ]  # fmt: skip
    assert document.find(ACTION).properties == {
        "connection": "contoso",
        "model": "gpt-5.2",
        "system_prompt": "Be {{ tone }}.",
        "user_prompt": "{{ rows[0].name }}?",
        "history": ["{{ playground_conversation }}"],
        "images": "{{ playground_images }}",
        "temperature": 0.2,
    }
    assert problems(document, connections={"contoso"}) == []


@pytest.mark.parametrize("name", ["a b", "1st", "inputs", CONVERSATION, ""])
def test_a_variable_that_cannot_be_an_input_is_refused(name: str) -> None:
    with pytest.raises(DocumentError):
        document_of("x", Setup(), "", {name: "v"})


@given(SETUPS, MESSAGES)
@settings(deadline=None)
def test_the_window_is_the_longest_end_that_fits_and_begins_with_the_user(setup: Setup, messages: list[Any]) -> None:
    kept = setup.newest_in_window(messages)
    assert kept == messages[len(messages) - len(kept) :]
    assert not kept or kept[0]["role"] == "user"
    assert fits(setup, kept)
    longer = [messages[at:] for at in range(len(messages) - len(kept)) if messages[at]["role"] == "user"]
    assert not any(fits(setup, each) for each in longer)


def fits(setup: Setup, messages: list[Any]) -> bool:
    few = setup.history_messages is None or len(messages) <= setup.history_messages
    return few and (setup.history_tokens is None or sum(map(tokens_of, messages)) <= setup.history_tokens)


@pytest.mark.parametrize(
    ("window", "kept"),
    [
        ({}, ["one", "1", "two", "2"]),
        ({"history_messages": 0}, []),
        ({"history_messages": 1}, []),
        ({"history_messages": 2}, ["two", "2"]),
        ({"history_messages": 3}, ["two", "2"]),
        ({"history_messages": 9}, ["one", "1", "two", "2"]),
        ({"history_tokens": 0}, ["one", "1", "two", "2"]),
    ],
)
def test_the_window_counts_messages(window: dict[str, int], kept: list[str]) -> None:
    messages = [asked("one"), answered("1"), asked("two"), answered("2")]
    assert [each["content"] for each in Setup(**window).newest_in_window(messages)] == kept  # type: ignore[arg-type]


def test_an_image_counts_as_a_thousand_tokens() -> None:
    message = user_message("eight ch", ["data:image/png;base64,AAAA"])
    assert tokens_of(message) == 1_002
    assert Setup(history_tokens=1_001).newest_in_window([message]) == []
    assert Setup(history_tokens=1_002).newest_in_window([message]) == [message]


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("Nothing here", {}),
        ("{{ b }} {{ a }} {{ b }}", {"b": False, "a": False}),
        ("{{ customer.name }}", {"customer": True}),
        ("{{ rows[0] }}", {"rows": True}),
        ("{% for row in rows %}{{ row.x }}{{ loop.index }}{% endfor %}", {"rows": True}),
        ("{% for row in rows | sort %}{{ row }}{% endfor %}", {"rows": True}),
        ('{{ rows | map(attribute="x") | join(", ") }}', {"rows": True}),
        ("{{ name | upper }}", {"name": False}),
        ("{{ rows | length }}", {"rows": True}),
        ("{{ rows | default([]) | first }}", {}),
        ("{% if flag %}{{ flag }}{% endif %} {{ name == 'Ada' }} {{ name + '!' }}", {"flag": False, "name": False}),
        (
            "{{ index + 1 }} {{ 'many' if count > 3 }} {{ -depth }} {{ size is even }}",
            {"index": True, "count": True, "depth": True, "size": True},
        ),
        ("{% set a = b %}{{ a.c }}", {"b": False}),
        ("{{ inputs.question }}", {"question": False}),
        ('{{ inputs["rows"][0] }} {{ inputs.rows }}', {"rows": True}),
        ("{{ inputs }}", {}),
        ("{{ broken", {}),
        ("{{ a | nosuchfilter }}", {}),
    ],
)
def test_variables_are_found_in_their_order(template: str, found: dict[str, bool]) -> None:
    assert variables_in([template]) == found
    assert list(variables_in([template])) == list(found)


def test_one_template_that_reaches_into_a_variable_is_enough() -> None:
    assert variables_in(["{{ a }} {{ b }}", "{{ a.x }}"]) == {"a": True, "b": False}


@given(st.lists(st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=30), max_size=3))
@settings(max_examples=300, deadline=None)
def test_variables_of_any_text_can_be_inputs(templates: list[str]) -> None:
    found = variables_in(templates)
    assert document_of("x", Setup(), "", dict.fromkeys(found, ""))


@pytest.mark.parametrize(
    ("text", "structured", "value"),
    [
        ('["a"]', True, ["a"]),
        ('{"a": 1}', True, {"a": 1}),
        ('["a"]', False, '["a"]'),
        ("12", True, 12),
        ("-1.5", True, -1.5),
        ("12", False, "12"),
        ("007", True, "007"),
        ("1.50", True, "1.50"),
        ("1e400", True, "1e400"),
        ("123456789012345678901", True, "123456789012345678901"),
        ("true", True, "true"),
        ("null", True, "null"),
        ("{broken", True, "{broken"),
        ("", True, ""),
    ],
)
def test_a_value_is_json_where_a_template_reaches_into_it(text: str, structured: bool, value: Any) -> None:
    assert typed_value(text, structured=structured) == value
    assert type_of(value) == {list: "list", dict: "object", int: "number", float: "number"}.get(type(value), "text")


def test_a_variable_that_a_template_can_do_without_counts_when_it_is_typed() -> None:
    templates = [
        "{{ tone | default('calm') }} {{ question }} {{ inputs.n + 1 }}",
        "{{ question is defined }}",
        "{{ broken",
    ]
    assert variables_in(templates) == {"question": False, "n": True}
    assert optional_in(templates) == {"tone": False}
    assert values_of(templates, {"n": "2", "other": "x"}) == {"question": "", "n": 2}
    assert values_of(templates, {"tone": "sharp"}) == {"tone": "sharp", "question": "", "n": ""}


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "[NaN]", '{"a": 1e999}', '["\\ud800"]', '["\\u0000"]', "[" + "9" * 5_000 + "]"],
    ids=range(6),
)
def test_json_that_no_database_takes_stays_text(text: str) -> None:
    assert typed_value(text, structured=True) == text


@given(st.text(), st.booleans())
def test_any_text_has_a_value(text: str, structured: bool) -> None:
    assert isinstance(typed_value(text, structured=structured), str | list | dict | int | float)


def test_a_history_that_begins_with_pairs_gives_examples() -> None:
    history = [asked("one"), answered("1"), {"role": "user", "content": {"a": 2}}, answered("2"), asked("open")]
    setup, prompt = setup_of({"history": history, "user_prompt": None, "temperature": None, "stop": ["x"]})
    assert setup == Setup(examples=(Example("one", "1"), Example('{"a": 2}', "2")), parameters={"stop": ["x"]})
    assert prompt == ""


@pytest.mark.parametrize(
    ("properties", "prompt"),
    [
        ({"user_prompt": "Why?"}, "Why?"),
        ({"user_prompt": "Why?", "context": "{{ c }}"}, "Context:\n{{ c }}\n\nWhy?"),
        ({"user_prompt": "Why?", "context": ["a"]}, 'Context:\n["a"]\n\nWhy?'),
        (
            {"user_prompt": "@@context?", "context": "C", "prompt_template": "@@userPrompt (@@context) @@userPrompt"},
            "@@context? (C) @@context?",
        ),
        ({"user_prompt": "Why?", "prompt_template": "Fixed"}, "Fixed"),
    ],
)
def test_the_prompt_of_an_action_comes_with_its_template_and_context(properties: Any, prompt: str) -> None:
    assert setup_of(properties)[1] == prompt


@given(st.dictionaries(st.sampled_from(["connection", "model", "system_prompt", "user_prompt", "history", "context", "prompt_template", "images", *PARAMETERS]), JSON, max_size=6))  # fmt: skip
def test_any_properties_give_settings(properties: dict[str, Any]) -> None:
    setup, prompt = setup_of(properties)
    assert isinstance(prompt, str)
    assert Setup.from_json(setup.to_json()) == setup


def test_templates_of_properties_are_all_their_texts() -> None:
    assert templates_of({"a": "x", "b": [{"c": "y"}, 3], "d": None}) == ["x", "y"]
