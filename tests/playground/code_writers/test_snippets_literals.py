"""Any text comes out of the literals of every language as it went in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connections.foundry.values import Message
from flows.playground.code_writers import Language, csharp, curl, go, java, javascript, python
from flows.playground.code_writers.call_plan import SentHeader
from flows.playground.code_writers.lines import MOST_LINES, json_text, lines_of
from flows.playground.code_writers.templated_text import TemplatedText, templated_texts
from tests.playground.code_writers.snippet_cases import TRICKY
from tests.playground.code_writers.snippet_literals import literals
from tests.playground.code_writers.snippet_stage import NODE

# Besides any character those that mean something somewhere.
PIECES = st.one_of(
    st.text(max_size=8),
    st.characters(),
    st.sampled_from(['"', "'", "\\", "`", "$", "${", "#{", "{{ x }}", "{", "}", "%s", "\n", "\r\n", "\u2028", '"""', "\\u0041", " ", "word ", "JSON\n", "👩🏽‍💻", "\x00", "7", "\ufeff"]),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join)
WHOLE = TEXTS.filter(lambda text: text.isascii() or not any(0xD800 <= ord(char) < 0xE000 for char in text))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | st.floats(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


class NodeProcess:
    """Evaluates expressions, one after the other."""

    LOOP = """
        const { createInterface } = require("node:readline");
        createInterface({ input: process.stdin }).on("line", (line) => {
          const { source, given } = JSON.parse(line);
          const value = new Function(...Object.keys(given), `return (${source});`)(...Object.values(given));
          process.stdout.write(`${JSON.stringify(value)}\\n`);
        });
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen([NODE, "-e", self.LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def value(self, source: str, **given: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"source": source, "given": given}).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    made = NodeProcess()
    yield made
    made.close()


def in_bash(script: str) -> str:
    return subprocess.run(["/bin/bash"], input=script.encode(), capture_output=True, check=True).stdout.decode()


@given(JSON)
@example(TRICKY)
def test_python_reads_every_value(value: Any) -> None:
    assert eval(python.value(value, 0)) == value  # noqa: S307


@settings(deadline=None)
@given(JSON)
@example(TRICKY)
@example({"__proto__": 1, "a-b": {"2": None}, "ok": True})
def test_javascript_reads_every_value(node: NodeProcess, value: Any) -> None:
    assert node.value(javascript.value(value)) == value


@settings(deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_templates_of_variables_become_the_rendered_text(
    node: NodeProcess, before: str, between: str, name: str
) -> None:
    variables = {"name": name, "other": "x"}
    composed = TemplatedText.of(
        f"{before.replace('{', '(')}{{{{ name }}}}{between.replace('{', '[')}{{{{other}}}}", variables
    )
    assert composed is not None
    assert eval(python.value(composed, 0), dict(variables)) == composed  # noqa: S307
    assert node.value(javascript.value(composed), **variables) == composed


@settings(deadline=None)
@given(WHOLE.filter(lambda text: "\0" not in text))
@example("https://contoso.example/$HOME/`id`/!x?a=1&b='")
def test_a_shell_reads_every_address_and_header(text: str) -> None:
    assert in_bash(f"printf %s {curl.quote(text)}") == text
    option = curl.header_flag(SentHeader(text, "Bearer ", "KEY"))
    assert in_bash(f"KEY='k $x'; printf '%s|' {option}") == f"-H|{text}: Bearer k $x|"


@settings(deadline=None)
@given(JSON)
@example(TRICKY)
def test_a_shell_hands_on_every_body(value: Any) -> None:
    assert json.loads(in_bash(f"cat <<'JSON'\n{json_text(value)}\nJSON\n")) == value


WRAPPED: dict[Language, tuple[Callable[[str], str], Callable[[Any], str], str]] = {
    Language.CSHARP: (lambda text: csharp.text_literal(text, 1), lambda value: csharp.raw_string(value, 2), "var x = {};"),
    Language.JAVA: (lambda text: java.text_literal(text, 3), lambda value: java.text_block(value, 3), "class A {{ String x = {}; }}"),
    Language.GO: (lambda text: go.text_literal(text, 1), go.raw_string, "package main\nconst x = {}\n"),
}  # fmt: skip


@pytest.mark.parametrize("language", WRAPPED)
@given(text=WHOLE)
@example(text=TRICKY)
def test_compiled_languages_read_every_text(language: Language, text: str) -> None:
    literal, _, program = WRAPPED[language]
    assert "".join(literals(language, program.format(literal(text)))) == text


@pytest.mark.parametrize("language", WRAPPED)
@given(value=JSON)
@example(value=TRICKY)
@example(value={"a": ["", '"""', "`", "\\"]})
def test_compiled_languages_read_every_json(language: Language, value: Any) -> None:
    _, raw, program = WRAPPED[language]
    assert json.loads("".join(literals(language, program.format(raw(value))))) == value


@pytest.mark.parametrize("language", [Language.CSHARP, Language.JAVA])
@given(text=TEXTS)
def test_half_a_character_is_kept_where_texts_are_of_code_units(language: Language, text: str) -> None:
    literal, _, program = WRAPPED[language]
    assert "".join(literals(language, program.format(literal(text)))).encode(
        "utf-16-le", "surrogatepass"
    ) == text.encode("utf-16-le", "surrogatepass")


def test_a_constant_of_java_is_never_longer_than_a_class_file_takes() -> None:
    image = "data:image/png;base64," + "é" * 100_000
    for source, wanted in ((java.text_literal(image, 2), image), (java.text_block([image], 2), json_text([image]))):
        found = literals(Language.JAVA, f"class A {{ String x = {source}; }}")
        assert "".join(found) == wanted
        assert max(len(part.encode()) for part in found) < 65_535


@given(WHOLE, st.integers(20, 120))
def test_lines_are_the_whole_text_and_not_too_many(text: str, width: int) -> None:
    assert "".join(str(part) for line in lines_of(text, width) for part in line) == text


def test_a_very_long_text_is_written_in_few_lines() -> None:
    assert len(lines_of("word " * 100_000 + "\n" * 5_000, 80)) <= MOST_LINES + 1


def test_a_long_prompt_is_broken_after_its_lines_and_between_its_words() -> None:
    text = "First line of a prompt.\nSecond line, which is so long that it does not fit, and goes on.\n"
    assert lines_of(text, 40) == [
        ["First line of a prompt.\n"],
        ["Second line, which is so long that it "],
        ["does not fit, and goes on.\n"],
    ]


@pytest.mark.parametrize(
    "template",
    ["{{ name | upper }}", "{{ unknown }}", "{% if name %}{{ name }}{% endif %}", "{{ name }} {# note #}", "no tag", "{{ name.first }}"],
)  # fmt: skip
def test_a_template_that_is_more_than_names_is_none(template: str) -> None:
    assert TemplatedText.of(template, {"name": "Ann"}) is None


def test_a_template_that_was_rendered_otherwise_is_not_used() -> None:
    message = Message("user", "Hello Bob")
    assert templated_texts([message], ["Hello {{ name }}"], {"name": "Ann"}) == ()
