"""Variables under other names in templates and expressions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.language.rename import LONGEST, rename_in_expression, rename_in_template, rename_in_value

NAMES = {"response": "response2", "x": "y"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("response", "response"),
        ("Say {{ response }} and {{response|upper}}", "Say {{ response2 }} and {{response2|upper}}"),
        ("{{ a.response }}{{ response.response }}", "{{ a.response }}{{ response2.response }}"),
        ("{{ 'response' ~ response }}", "{{ 'response' ~ response2 }}"),
        ('{{ "a }} response" ~ x }}', '{{ "a }} response" ~ y }}'),
        ("{{ a | response(x) }}", "{{ a | response(y) }}"),
        ("{{ f(x=x) }}{{ x == 1 }}", "{{ f(x=y) }}{{ y == 1 }}"),
        ("{% if response is defined %}{{ x }}{% endif %}", "{% if response2 is defined %}{{ y }}{% endif %}"),
        ("{{ responses }}{{ my_response }}", "{{ responses }}{{ my_response }}"),
        ("{{ response", "{{ response"),
        ("{{ x }}{{ x", "{{ y }}{{ x"),
    ],
)
def test_only_references_are_renamed(text, expected):
    assert rename_in_template(text, NAMES) == expected


def test_a_condition_has_no_tags():
    assert rename_in_expression("x > 1 and inputs.x", NAMES) == "y > 1 and inputs.x"


def test_templates_inside_of_json_are_renamed_and_keys_are_not():
    assert rename_in_value({"x": ["{{ x }}", 1, None]}, NAMES) == {"x": ["{{ y }}", 1, None]}


@given(st.text(alphabet="{}%'\" x.|=a\\", max_size=60))
def test_what_holds_no_reference_stays_as_it_is_written(text):
    assert rename_in_template(text, {"response": "other"}) == text
    assert rename_in_expression(text, {"response": "other"}) == text


@pytest.mark.parametrize("text", ["{{" * 500_000, "{{ '" + "\\'" * 500_000, "{{ " + "'a" * 500_000 + " }}"])
def test_a_hostile_text_takes_no_time(text):
    assert rename_in_template(text, NAMES) == text
    assert rename_in_expression("x" * (LONGEST + 1), NAMES) == "x" * (LONGEST + 1)
