"""What a batch asks of each variant, and the flow that it becomes."""

import dataclasses

import pytest

from flows.batch.variants import ANSWER, ROW, Judge, Variant, value_of
from flows.batch.verdicts import judge_schema
from flows.playground.setup import CONVERSATION, IMAGES, Example, Setup
from flows.playground.variables import template_problem

SETUP = Setup(connection="contoso", model="gpt", instructions="Be {{ tone }}.")
JUDGE = Judge(1, "contoso", "judge", "Says {{ expected }}; {{ response }}", judge_schema())


def variant(prompt="{{ question }}", judges=(), columns=("question",), known=None, setup=SETUP):
    return Variant.of(setup, prompt, judges, columns, {"tone": "brief"} if known is None else known)


def test_variables_come_from_columns_then_from_the_session():
    made = variant()
    assert (dict(made.inputs), made.constants) == ({"tone": False, "question": False}, {"tone": "brief"})
    assert made.missing(["question"]) == []
    assert made.values({"question": "Why?"}) == {"tone": "brief", "question": "Why?"}


def test_a_column_counts_more_than_the_session():
    made = variant(columns=("question", "tone"))
    assert made.constants == {}
    assert made.values({"question": "Why?", "tone": "long"})["tone"] == "long"


def test_a_variable_that_the_prompt_can_do_without_is_asked_for_when_a_column_or_the_session_gives_it():
    prompt = "{{ question }} {{ place | default('here') }}"
    assert list(variant(prompt).inputs) == ["tone", "question"]
    made = variant(prompt, columns=("question", "place"), known={"tone": "brief", "place": "there"})
    assert made.missing(["question", "place"]) == []
    assert made.values({"question": "Why?", "place": "Rome"})["place"] == "Rome"
    assert variant(prompt, known={"tone": "brief", "place": "there"}).constants["place"] == "there"


def test_what_neither_has_is_missing():
    assert variant("{{ question }} {{ who }}", known={}).missing(["question"]) == ["tone", "who"]


def test_an_example_that_is_not_typed_yet_is_not_sent():
    half = dataclasses.replace(SETUP, examples=(Example("Hi {{ who }}", ""), Example("Hi", "Hello")))
    made = variant(setup=half)
    assert made.setup.examples == (Example("Hi", "Hello"),)
    assert "who" not in made.inputs


def test_it_survives_being_stored():
    made = variant(judges=[JUDGE])
    assert Variant.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("value", "structured", "expected"),
    [("text", False, "text"), ("[1]", False, "[1]"), ("[1]", True, [1]), ("not json", True, "not json"), ([1], False, [1]),
     ({"a": 1}, True, {"a": 1}), (5, False, "5"), (True, False, "true"), (None, False, ""), (None, True, "")],
)  # fmt: skip
def test_a_cell_becomes_the_value_of_its_variable(value, structured, expected):
    assert value_of(value, structured=structured) == expected


def test_the_flow_asks_once_and_returns_the_answer():
    document = variant().document("b", {"question": "Why?"}, [])
    assert [action.id for action in document.actions] == ["answer", "return"]
    assert [declared.name for declared in document.inputs] == ["tone", "question", CONVERSATION, IMAGES]


def test_inputs_hold_json_where_a_template_reaches_into_it():
    made = variant("{{ person.name }} {{ question }}", columns=("question", "person"))
    document = made.document("b", {"question": "Why?", "person": '{"name": "Ada"}'}, [])
    assert {i.name: i.type for i in document.inputs} == {
        "tone": "text", "person": "object", "question": "text", CONVERSATION: "list", IMAGES: "list",
    }  # fmt: skip


def test_a_judge_comes_after_the_answer_and_cannot_fail_it():
    made = variant(judges=[JUDGE], columns=("question", "expected"))
    document = made.document("b", {"question": "Why?", "expected": "x"}, [JUDGE])
    answer, judge, returns = document.actions
    assert (answer.type, judge.type, returns.type) == ("chat_completion", "try_catch", "return")
    call = judge.branches[0].actions[0]
    assert f"{judge.id}/{call.id}" == "judge-1/judge-1-call"
    assert call.properties["response_format"] == judge_schema()
    assert "expected" in made.inputs
    assert not {ANSWER, ROW} & set(made.inputs)


def test_runs_of_judged_variants_carry_the_whole_row():
    made, row = variant(), {"question": "Why?", "extra": 1}
    asked = {"tone": "brief", "question": "Why?", CONVERSATION: [], IMAGES: []}
    assert made.run_inputs(row, judged=False) == asked
    assert made.run_inputs(row, judged=True) == {**asked, ROW: row}


def test_a_template_that_cannot_be_read_is_said():
    assert template_problem("{{ a }}") == ""
    assert template_problem("{{ a ")
