"""What one refusal teaches, and what a lesson changes: pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import (
    API,
    API_VERSION,
    ENDPOINT,
    Lesson,
    apply_lessons,
    change_of,
    learnt_way,
    lessons_from,
    refused_parameter,
    unsent_fields,
)

NOW = 1_800_000_000.0


BODY = {"model": "m", "messages": [], "max_completion_tokens": 9, "temperature": 0.1}


def refused(parameter, code="unsupported_parameter"):
    return FoundryError(ErrorKind.UNSUPPORTED_PARAMETER, "400", params=(parameter,), code=code, raw="no such thing")


def learnt(known, body, error):
    """The body after one more lesson; the lesson is kept in `known`."""
    lesson = next(iter(lessons_from(error, body, known, NOW)), None)
    if lesson is None:
        return None
    known[:] = [*(old for old in known if old.parameter != lesson.parameter), lesson]
    return apply_lessons(known, body)


def test_one_thing_changes_at_a_time_and_is_remembered():
    known = []
    body = learnt(known, BODY, refused("max_completion_tokens"))
    assert body == {"model": "m", "messages": [], "max_tokens": 9, "temperature": 0.1}
    body = learnt(known, body, refused("temperature"))
    assert body == {"model": "m", "messages": [], "max_tokens": 9}
    assert apply_lessons(known, BODY) == body
    assert [(lesson.message, lesson.learned_at) for lesson in known] == [("no such thing", NOW)] * 2


def test_a_parameter_that_is_refused_under_both_names_is_dropped():
    known = []
    body = learnt(known, BODY, refused("max_completion_tokens"))
    body = learnt(known, body, refused("max_tokens"))
    assert body == apply_lessons(known, BODY) == {"model": "m", "messages": [], "temperature": 0.1}


def test_a_schema_becomes_an_object_and_then_nothing():
    known, body = [], {"response_format": {"type": "json_schema", "json_schema": {}}}
    body = learnt(known, body, refused("response_format.json_schema"))
    assert body == {"response_format": {"type": "json_object"}}
    odd = {"response_format": "text"}
    assert apply_lessons(known, odd) == odd
    assert learnt(known, body, refused("response_format")) == {}


def test_what_responses_nests_is_changed_in_its_place():
    known = []
    body = {
        "input": "hi",
        "reasoning": {"effort": "high"},
        "text": {"format": {"type": "json_schema", "name": "a"}, "verbosity": "low"},
    }
    body = learnt(known, body, refused("text.format.schema"))
    assert body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    body = learnt(known, body, refused("reasoning.effort"))
    assert "reasoning" not in body
    assert learnt(known, body, refused("input")) is None


def test_a_grade_that_is_refused_teaches_nothing_about_the_others():
    known = []
    assert learnt(known, {"reasoning_effort": "xhigh"}, refused("reasoning_effort", "unsupported_value")) == {}
    assert apply_lessons(known, {"reasoning_effort": "low"}) == {"reasoning_effort": "low"}


@pytest.mark.parametrize("parameter", ["messages", "model", "tools", "seed", ""])
def test_what_cannot_be_changed_is_an_error(parameter):
    assert lessons_from(refused(parameter), {**BODY, "tools": []}, [], NOW) == []


@given(st.lists(st.sampled_from([*BODY, "max_tokens", "response_format", "stream_options"]), max_size=30))
def test_learning_always_ends(parameters):
    """A server that refuses whatever it likes is asked a bounded number of times."""
    known, body, asked = [], {**BODY, "response_format": {"type": "json_schema"}}, 0
    while parameters:
        adapted = next((a for p in parameters if (a := learnt(known, body, refused(p))) is not None), None)
        if adapted is None:
            return
        assert adapted != body
        body, asked = adapted, asked + 1
        assert asked <= 8


THOUGHT = {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"format": {}}, "x": 1}


@pytest.mark.parametrize(
    ("named", "part"),
    [
        ("thinking.adaptive.display", "thinking.display"),
        ("thinking.display", "thinking.display"),
        ("thinking.adaptive.budget_tokens", "thinking"),
        ("x.display", "x"),
        ("x[0].y", "x"),
        ("format", "output_config.format"),
        ("output_config.effort", "output_config"),
        ("effort", None),
        ("display", None),
    ],
)
def test_what_a_refusal_names_is_looked_for_in_the_body(named, part):
    assert refused_parameter(THOUGHT, named) == part


@pytest.mark.parametrize(
    ("parameter", "code", "value"),
    [
        ("reasoning_effort", "unsupported_value", '"low"'),
        ("reasoning_effort", "unsupported_parameter", ""),
        ("temperature", "unsupported_value", ""),
    ],
)
def test_only_grades_are_refused_by_value(parameter, code, value):
    (lesson,) = lessons_from(refused(parameter, code), {**BODY, "reasoning_effort": "low"}, [], NOW)
    assert (lesson.parameter, lesson.value) == (parameter, value)


def lesson(parameter, instead="", value=""):
    return Lesson(parameter, instead, "", NOW, value)


@pytest.mark.parametrize(
    ("lesson", "body", "sent"),
    [
        (lesson("thinking"), {"thinking": {"type": "adaptive"}}, {}),
        (lesson("thinking", value="adaptive"), {"thinking": {"type": "adaptive"}}, {}),
        (lesson("thinking", value="adaptive"), {"thinking": {"type": "enabled"}}, {"thinking": {"type": "enabled"}}),
        (lesson("reasoning.effort"), {"reasoning": "high"}, {"reasoning": "high"}),
        (lesson("reasoning.effort"), {"reasoning": {"effort": "high"}}, {}),
        (lesson("max_tokens", "64"), {"max_tokens": 65}, {"max_tokens": 64}),
        (lesson("max_tokens", "64"), {"max_tokens": 63}, {"max_tokens": 63}),
        (lesson("max_tokens", "64"), {"max_tokens": "many"}, {"max_tokens": "many"}),
        (lesson("temperature", value="beside top_p"), {"temperature": 1, "top_p": 1}, {"top_p": 1}),
        (lesson("temperature", value="beside top_p"), {"temperature": 1}, {"temperature": 1}),
        (lesson("effort", "high", '"max"'), {"effort": "max"}, {"effort": "high"}),
        (lesson("effort", "high", '"max"'), {"effort": "low"}, {"effort": "low"}),
    ],
)
def test_a_lesson_changes_what_it_is_about_alone(lesson, body, sent):
    assert apply_lessons([lesson], body) == sent


@pytest.mark.parametrize(
    ("lesson", "words"),
    [
        (lesson("thinking"), "thinking is not sent"),
        (lesson("thinking", value="adaptive"), "adaptive thinking is not asked for"),
        (lesson("temperature", value="beside top_p"), "temperature is not sent beside top_p"),
        (lesson("effort", "high", '"max"'), "effort is high instead of max"),
        (lesson("effort", value='"max"'), 'effort is not sent when it is "max"'),
        (lesson("max_tokens", "64000"), "max_tokens is at most 64,000"),
        (
            lesson("response_format", "json_object"),
            "response_format is sent as json_object, its schema in the system prompt",
        ),
        (lesson("max_tokens", "max_completion_tokens"), "max_tokens is sent as max_completion_tokens"),
    ],
)
def test_a_lesson_is_said(lesson, words):
    assert change_of(lesson) == words


def test_what_was_learnt_last_about_the_way_counts():
    known = [lesson(API, "chat"), lesson(API, "responses"), lesson(ENDPOINT, "x")]
    assert (learnt_way(known, API), learnt_way(known, API_VERSION)) == ("responses", "")


def test_other_errors_teach_nothing():
    assert lessons_from(FoundryError(ErrorKind.SERVER, "500", params=("temperature",)), BODY, [], NOW) == []


def test_all_that_one_answer_refuses_is_taken():
    error = FoundryError(ErrorKind.UNSUPPORTED_PARAMETER, "400", params=("temperature", "temperature", "seed", "model"))
    found = lessons_from(error, {**BODY, "seed": 7}, [], NOW)
    assert [lesson.parameter for lesson in found] == ["temperature", "seed"]


def test_a_field_is_unsent_when_all_of_it_is_refused_and_nothing_goes_in_its_place():
    whole = Lesson("seed", "", "no", 0)
    weaker = Lesson("text.format", "json_object", "no", 0)
    one_value = Lesson("reasoning.effort", "", "not minimal", 0, '"minimal"')
    renamed = Lesson("max_tokens", "max_completion_tokens", "use the other", 0)
    assert unsent_fields([whole, weaker, one_value, renamed]) == {"seed": whole, "response_format": weaker}
