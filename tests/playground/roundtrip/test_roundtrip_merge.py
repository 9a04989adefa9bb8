"""What a session changes in a chat completion, and that it changes nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.language.document import parse
from flows.lint.linter import problems
from flows.playground.roundtrip.merge import (
    NeededVariable,
    PromptSettings,
    PropertyChange,
    apply_to_document,
    digest,
    merge_properties,
    missing_variables,
    new_document,
    property_changes,
)
from flows.playground.setup import PARAMETERS, Example, Setup, setup_of, templates_of

Json = dict[str, Any]
TEXT = st.text(max_size=20)
SAID = TEXT.filter(str.strip)
HELD = ("connection", "model", "system_prompt", "user_prompt", "history", *PARAMETERS)
VALUES = st.one_of(st.none(), TEXT, st.integers(0, 9), st.floats(0, 2), st.lists(TEXT, max_size=2), st.dictionaries(TEXT, TEXT, max_size=2))  # fmt: skip
MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXT})
ACTIONS = st.fixed_dictionaries(
    {},
    optional={
        "connection": TEXT,
        "dynamic_connection": TEXT,
        "model": TEXT,
        "system_prompt": TEXT,
        "user_prompt": TEXT,
        "context": VALUES,
        "prompt_template": st.none() | st.sampled_from(["", "@@userPrompt", "a @@context b @@userPrompt c", "@@userPrompt @@userPrompt", "fixed"]),
        "history": st.one_of(st.none(), TEXT, st.lists(st.one_of(MESSAGE, TEXT), max_size=5)),
        "images": VALUES,
        "user": TEXT,
        "result_variable_name": TEXT,
        "unknown": VALUES,
        **dict.fromkeys(PARAMETERS, VALUES),
    },
)  # fmt: skip


def prompt_settings(stored: Json, **changed: Any) -> PromptSettings:
    setup, prompt = setup_of(stored)
    prompt = changed.pop("prompt", prompt)
    return PromptSettings(replace(setup, **changed), prompt, {})


@given(ACTIONS)
@settings(max_examples=300)
@example({"user_prompt": "a\r\nb", "context": "c", "prompt_template": ""})
def test_what_was_opened_and_not_changed_changes_nothing(stored: Json) -> None:
    assert merge_properties(stored, prompt_settings(stored)) == stored


@given(ACTIONS)
@settings(max_examples=300)
def test_what_a_session_stores_and_reads_back_changes_nothing(stored: Json) -> None:
    setup, prompt = setup_of(stored)
    assert (
        merge_properties(stored, PromptSettings(Setup.from_json(setup.to_json()), prompt.replace("\r\n", "\n"), {}))
        == stored
    )


@given(ACTIONS, SAID, st.lists(st.builds(Example, SAID, SAID), max_size=3), TEXT)
@settings(max_examples=300)
def test_the_action_then_holds_what_the_session_holds(
    stored: Json, prompt: str, examples: list[Example], words: str
) -> None:
    session = prompt_settings(
        stored, prompt=prompt, examples=tuple(examples), instructions=words, model="m", connection="c"
    )
    made = merge_properties(stored, session)
    setup, asked = setup_of(made)
    assert asked.replace("\r\n", "\n") == prompt.replace("\r\n", "\n")
    assert setup.examples[: len(examples)] == tuple(examples)
    assert (setup.model.strip(), setup.connection.strip()) == ("m", "c")
    assert setup.instructions.replace("\r\n", "\n") == words.replace("\r\n", "\n")
    untouched = {name for name in stored if name not in (*HELD, "context", "prompt_template")}
    assert {name: made.get(name) for name in untouched} == {name: stored[name] for name in untouched}


@pytest.mark.parametrize(
    ("stored", "prompt", "properties"),
    [
        ({"user_prompt": "Why?"}, "How?", {"user_prompt": "How?"}),
        ({"user_prompt": "Why?", "context": "{{ c }}"}, "Context:\n{{ c }}\n\nHow?", {"user_prompt": "How?", "context": "{{ c }}"}),
        ({"user_prompt": "Why?", "context": ["{{ c }}"]}, 'Context:\n["{{ c }}"]\n\nHow?', {"user_prompt": "How?", "context": ["{{ c }}"]}),
        ({"user_prompt": "Why?", "context": "{{ c }}"}, "Facts:\n{{ c }}\n\nHow?", {"user_prompt": "Facts:\n{{ c }}\n\nHow?"}),
        ({"user_prompt": "Why?", "context": "C", "prompt_template": "Use @@context: @@userPrompt."}, "Use C: How?.", {"user_prompt": "How?", "context": "C", "prompt_template": "Use @@context: @@userPrompt."}),
        ({"user_prompt": "Why?", "context": "C", "prompt_template": "Use @@context: @@userPrompt."}, "Mind C: How?", {"user_prompt": "Mind C: How?"}),
        ({"user_prompt": "Why?", "prompt_template": "@@userPrompt, @@userPrompt"}, "How?", {"user_prompt": "How?"}),
        ({"user_prompt": "Why?", "prompt_template": "Fixed"}, "Other", {"user_prompt": "Other"}),
        ({"user_prompt": "Why?", "context": "C"}, "Context:\nC\n\n ", {"user_prompt": "Context:\nC\n\n "}),
    ],
)  # fmt: skip
def test_context_and_template_stay_as_long_as_the_prompt_leaves_them(
    stored: Json, prompt: str, properties: Json
) -> None:
    assert merge_properties(stored, prompt_settings(stored, prompt=prompt)) == properties


def pair(user: str, assistant: str, **more: Any) -> list[Json]:
    return [{"role": "user", "content": user, **more}, {"role": "assistant", "content": assistant}]


@pytest.mark.parametrize(
    ("stored", "examples", "history"),
    [
        (None, [("a", "b")], pair("a", "b")),
        ("{{ past }}", [("a", "b")], [*pair("a", "b"), "{{ past }}"]),
        (pair("a", "b"), [], None),
        ([*pair("a", "b"), "{{ past }}"], [], ["{{ past }}"]),
        ([*pair("a", "b", name="Ada"), *pair("c", "d")], [("a", "b"), ("e", "d")], [*pair("a", "b", name="Ada"), *pair("e", "d")]),
        ([*pair("a", "b"), {"role": "system", "content": "s"}], [("a", "b"), ("c", "d")], [*pair("a", "b"), *pair("c", "d"), {"role": "system", "content": "s"}]),
    ],
)  # fmt: skip
def test_examples_become_messages_in_front_of_what_the_history_holds(
    stored: Any, examples: list[Any], history: Any
) -> None:
    properties = {"user_prompt": "p", **({"history": stored} if stored else {})}
    made = merge_properties(
        properties, prompt_settings(properties, examples=tuple(Example(*each) for each in examples))
    )
    assert made.get("history") == history


@pytest.mark.parametrize(
    ("name", "stored", "value"),
    [
        ("temperature", "0.5", 0.5),
        ("temperature", 1, 1.0),
        ("seed", "7", 7),
        ("stop", ["END"], "END"),
        ("response_format", "text", None),
        ("response_format", '{"type": "object"}', {"type": "object"}),
        ("max_completion_tokens", None, None),
        ("extra_parameters", '{"top_k": 5}', {"top_k": 5}),
        ("top_logprobs", "2", 2),
        ("repair", "once", "once"),
    ],
)
def test_a_parameter_that_means_the_same_stays_as_it_is_written(name: str, stored: Any, value: Any) -> None:
    properties = {"user_prompt": "p", name: stored}
    parameters = {} if value is None else {name: value}
    assert merge_properties(properties, prompt_settings(properties, parameters=parameters)) == properties


def test_what_was_unset_in_the_session_is_removed_and_what_was_set_is_added() -> None:
    stored = {
        "user_prompt": "p",
        "system_prompt": "S",
        "temperature": 0.5,
        "verbosity": "low",
        "max_completion_tokens": None,
    }
    made = merge_properties(
        stored, prompt_settings(stored, instructions="", parameters={"verbosity": "high", "seed": 1})
    )
    assert made == {"user_prompt": "p", "verbosity": "high", "max_completion_tokens": None, "seed": 1}
    assert property_changes(stored, made) == [
        PropertyChange("system_prompt", "S", None),
        PropertyChange("temperature", 0.5, None),
        PropertyChange("verbosity", "low", "high"),
        PropertyChange("seed", None, 1),
    ]


def test_a_session_without_connection_or_model_leaves_those_of_the_action() -> None:
    stored = {"connection": "contoso", "model": "m", "user_prompt": "p"}
    assert merge_properties(stored, prompt_settings(stored, connection=" ", model="")) == stored


LACKING = parse(
    {
        "format": "foundryflow/1",
        "name": "x",
        "inputs": [{"name": "question", "type": "text", "x-note": "kept"}],
        "actions": [
            {"id": "chat", "type": "chat_completion", "properties": {"connection": "c", "model": "m", "user_prompt": "{{ question }}"}},
            {"id": "later", "type": "declare_variables", "properties": {"variables": [{"name": "late", "type": "text", "value": ""}]}},
        ],
    }
)  # fmt: skip


def test_variables_that_the_flow_lacks_at_that_place_are_found_and_added_as_inputs() -> None:
    properties = {
        "connection": "c",
        "model": "m",
        "user_prompt": "{{ question }} {{ late }} {{ rows[0] }} {{ inputs.other }} {{ tone | default('calm') }} {{ zeal + 1 }}",
    }
    found = missing_variables(LACKING, "chat", properties, {"rows": ["a"], "zeal": 3})
    assert found == [
        NeededVariable("late", "text"),
        NeededVariable("rows", "list"),
        NeededVariable("other", "text"),
        NeededVariable("zeal", "number"),
    ]
    made = apply_to_document(LACKING, "chat", properties, found)
    assert [declared.name for declared in made.inputs] == ["question", "late", "rows", "other", "zeal"]
    assert made.inputs[0].json["x-note"] == "kept"
    assert problems(made, connections={"c"}) == []
    assert apply_to_document(LACKING, "chat", LACKING.actions[0].properties, []) == LACKING


def test_a_new_flow_asks_for_the_variables_calls_and_returns() -> None:
    setup = Setup("contoso", "gpt-4o-mini", "Be {{ tone }}.", (Example("q", "a"),), {"temperature": 0.2})
    made = new_document("Invoice", PromptSettings(setup, "{{ rows[0] }}?", {"rows": ["x"], "tone": "calm"}))
    assert [(each.name, each.type, each.required) for each in made.inputs] == [
        ("tone", "text", True), ("rows", "list", True),
    ]  # fmt: skip
    assert [action.type for action in made.actions] == ["chat_completion", "return"]
    assert made.actions[0].properties == {
        "connection": "contoso",
        "model": "gpt-4o-mini",
        "system_prompt": "Be {{ tone }}.",
        "temperature": 0.2,
        "history": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
        "user_prompt": "{{ rows[0] }}?",
        "result_variable_name": "response",
    }
    assert problems(made, connections={"contoso"}) == []


@given(st.builds(Setup, TEXT, TEXT, TEXT, st.just(()), st.just({})), SAID)
def test_a_new_flow_gives_the_session_back(setup: Setup, prompt: str) -> None:
    made = new_document("x", PromptSettings(setup, prompt, {}))
    again, asked = setup_of(made.actions[0].properties)
    assert (again.instructions, asked) == (setup.instructions, prompt.replace("\r\n", "\n"))
    assert templates_of(made.actions[0].properties)


def test_a_digest_tells_properties_apart_whatever_their_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


def test_examples_that_are_not_typed_yet_stay_behind_unless_the_action_has_them() -> None:
    stored = {"user_prompt": "p", "history": pair("", "a")}
    made = merge_properties(
        stored, prompt_settings(stored, examples=(Example("", "a"), Example("b", ""), Example("c", "d")))
    )
    assert made["history"] == [*pair("", "a"), *pair("c", "d")]
