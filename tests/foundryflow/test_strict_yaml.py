"""YAML from outside becomes JSON values or a sentence, and what we write is read again as it was."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from foundryflow.strict_json import UNSTORABLE, JsonError
from foundryflow.strict_yaml import MOST_VALUES, read_yaml, write_yaml

MOST = 10_000
TEXTS = st.text(max_size=120).filter(lambda text: not UNSTORABLE.search(text))
LINES = st.lists(
    st.one_of(TEXTS, st.sampled_from(["", " ", "\t", "  x", "x ", "- x", "# x", "x: y", "---", "...", "\\"]))
)
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**30), 10**30),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
        LINES.map("\n".join),
        st.sampled_from(
            ["on", "null", "~", "1e5", "007", "1:30", "2027-01-31", "<<", "=", "*a", "&a", "0x1f", "1_000"]
        ),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_written_is_read_again_as_it_was(value):
    text = write_yaml(value)
    assert json.dumps(read_yaml(text.encode(), 1_000_000)) == json.dumps(value)


@given(JSON)
def test_other_readers_find_the_same_texts_in_it(value):
    def texts(found):
        if isinstance(found, dict):
            return [each for name, inner in found.items() for each in (str(name), *texts(inner))]
        return [each for inner in found for each in texts(inner)] if isinstance(found, list) else [found]

    found = [each for each in texts(yaml.safe_load(write_yaml(value))) if isinstance(each, str)]
    assert found == [each for each in texts(value) if isinstance(each, str)]


def test_long_texts_are_blocks_of_lines_and_nothing_else_is_wrapped():
    prompt = "Answer the question.\n\n  - in at most five sentences\n"
    long = "You are a support engineer at Contoso and answer in full sentences. " * 3
    text = write_yaml({"system": prompt, "user": long.strip(), "model": "gpt-4o-mini"})
    assert text == (
        "system: |\n  Answer the question.\n\n    - in at most five sentences\n"
        f"user: |-\n  {long.strip()}\nmodel: gpt-4o-mini\n"
    )


def test_plain_words_are_what_json_knows_and_texts_else():
    text = "on: [yes, no, 2027-01-31, 007, 1:30, 0x1f, 1_000, '1', !!str 5]\nnone: [~, null]\nnumbers: [-3, 1.5, 1e5]"
    assert read_yaml(text, MOST) == {
        "on": ["yes", "no", "2027-01-31", "007", "1:30", "0x1f", "1_000", "1", "5"],
        "none": [None, None],
        "numbers": [-3, 1.5, 100_000.0],
    }


def test_an_anchor_stands_for_what_it_is_at():
    assert read_yaml("a: &prompt Be brief.\nb: *prompt\nc: [*prompt]", MOST) == {
        "a": "Be brief.",
        "b": "Be brief.",
        "c": ["Be brief."],
    }


LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (LAUGHS, "line 7: with its aliases written out it has more than 500,000 characters"),
        ("&a [*a]", "line 1: *a stands inside of what it stands for"),
        ("a: *b", "line 1: *b stands for nothing above it"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "line 4: 'c' is there twice"),
        ("a: &a {b: 1}\nc:\n  <<: *a", "line 3: `<<` merges objects"),
        ("a: !!python/object/apply:os.system [ls]", "line 1: the tag !!python/object/apply:os.system is not taken"),
        ("a: !!binary aGk=", "line 1: the tag !!binary is not taken"),
        ("a: 1\n---\nb: 1", "line 2: another document begins here"),
        ("? [a]\n: b", "line 1: a name is a text"),
        ("a: [1, 2\n", "line 2: not YAML ("),
        ("a: b: c", "line 1: not YAML ("),
        ("- " * 500, "is nested too deeply"),
        ("[" * 100_000, "exceeded maximum nesting depth"),
        ("[" + "1," * (MOST_VALUES + 1) + "]", "holds more than 100,000 values"),
        ("a: " + "1" * 400, "a number of hundreds or thousands of digits"),
        ('a: "\\0"', "a NUL character"),
        ("a: \x01", "characters that YAML does not take"),
        ("", "is empty"),
        ("# nothing", "is empty"),
        (b"\x80abc", "is not text"),
    ],
)
def test_what_cannot_be_taken_is_a_sentence(text, what):
    with pytest.raises(JsonError) as caught:
        read_yaml(text, MOST if text != LAUGHS and len(text) < MOST else 500_000)
    assert what in str(caught.value)


@given(st.text(alphabet="ab:- []{}&*!|>\"'\n#,?%@`\t", max_size=60) | st.text(max_size=60))
def test_any_text_is_a_value_or_a_sentence(text):
    try:
        read_yaml(text, MOST)
    except JsonError as error:
        assert str(error)
