"""What is read of a function in Python before anything of it is executed."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_monty import Monty, MontyError

from flows.language.python_source import LONGEST_CODE, MODULES, CodeError, Parameter, read_source


def test_main_is_called_or_else_the_last_function():
    assert read_source("def a(): pass\ndef main(x): pass\ndef b(): pass").name == "main"
    assert read_source("def a(): pass\ndef b(x): pass").signature == "b(x)"
    assert read_source("def main(first): pass\ndef main(last): pass").signature == "main(last)"


def test_parameters_have_types_and_defaults():
    source = read_source("def main(a, b: str, c: int = 3, *, d: dict, e: 'list' = [1], **more): pass")

    assert source.parameters == (
        Parameter("a"),
        Parameter("b", "text"),
        Parameter("c", "number", False, "3"),
        Parameter("d", "object"),
        Parameter("e", "any", False, "[1]"),
    )
    assert source.takes_any


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a"], ""),
        (["a", "b"], ""),
        ([], "main needs a value for a."),
        (["a", "c"], "main has no parameter c."),
    ],
)
def test_names_are_compared_with_the_parameters(names, words):
    assert read_source("def main(a, b=1): pass").problem_with(names) == words


@pytest.mark.parametrize(
    ("code", "words", "line"),
    [
        ("def main(a:\n    return a", "Line 1: '(' was never closed.", 1),
        ("def main():\n    x = 1\n     y = 2", "Line 3: Unexpected indent.", 3),
        ("x = 1", "There is no function. Begin with def main(text): and name what it needs.", None),
        ("async def main(): pass", "Line 1: Write def instead of async def: there is nothing to wait for.", 1),
        ("def main(a, /): pass", "Line 1: Leave out the / among the parameters: values are handed over by name.", 1),
        ("def main():\n    import socket", "Line 2: There is no module socket here. There are asyncio, base64", 2),
        ("from . import x\ndef main(): pass", "Line 1: There is no module . here.", 1),
        ("from ctypes import c_int\ndef main(): pass", "Line 1: There is no module ctypes here.", 1),
        ("from .json import loads\ndef main(): pass", "Line 1: There is no module .json here.", 1),
        ("from ..ctypes import x\ndef main(): pass", "Line 1: There is no module ..ctypes here.", 1),
        ("from json import *\ndef main(): pass", "Line 1: Name what is imported, instead of *.", 1),
        ("def main():\n    yield 1", "Line 2: Yield is not available here. Make a list, and return it.", 2),
        ("class A: pass\nclass B(A): pass\ndef main(): pass", "Line 2: A class that inherits", 2),
        ("def main(a):\n    del a", "Line 2: Del is not available here.", 2),
        ("def main(): pass\0", "The code holds a NUL character.", None),
        ("def main(): '\ud800'", "The code holds half a character.", None),
        ("def main(): pass" + "#" * LONGEST_CODE, "The code is longer than 50,000 characters. Shorten it.", None),
        ("def main(): return " + "-" * 20_000 + "1", "The code is nested too deeply.", None),
        ("def main(): return a" + "()" * 15_000, "The code is nested too deeply.", None),
    ],
)
def test_what_is_wrong_is_said_with_its_line(code, words, line):
    with pytest.raises(CodeError) as refused:
        read_source(code)
    assert str(refused.value).startswith(words)
    assert refused.value.line == line


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused_with_a_sentence(text):
    try:
        read_source(text)
    except CodeError as error:
        assert str(error).endswith(".")


MARKED = '''@cache
def outer(a):
    """Says what it does."""
    @other
    def inner(): return 1
    for x in a:
        if x:
            while x: x = x - 1
        """
        def no(): pass
        """
    while \\
        a: pass
    return inner
ä = "ü"; main = outer
def main(a): """Only words."""'''


@pytest.mark.parametrize(
    "code", ["from json import loads", "from os import path", "import os.path", "from collections.abc import Iterable"]
)
def test_what_is_offered_may_be_imported_by_name(code):
    assert read_source(f"{code}\ndef main(): pass").name == "main"


def test_the_longest_code_and_default_are_read():
    code = f"def main(a='{'x' * 200}'): pass"
    source = read_source(code + "#" * (LONGEST_CODE - len(code)))
    assert source.parameters[0].default == "'" + "x" * 99
    assert (
        source.line_of(0),
        source.line_of(1),
        source.line_of(len(source.lines)),
        source.line_of(len(source.lines) + 1),
    ) == (None, 1, 1, None)


def test_words_that_say_what_a_function_does_are_no_statement():
    source = read_source("def main(a):\n    'Words.'\n    'More words.'\n    return a\ndef b():\n    1\n    return 2")
    assert "    __line__[0] = 1\n    'More words.'" in source.marked
    assert "    __line__[0] = 5\n    1" in source.marked


def test_marks_leave_every_line_what_it_was():
    source = read_source(MARKED)
    marked, written = source.marked.split("\n"), MARKED.split("\n")

    assert [line for line in marked if not line.strip().startswith("__line__")] == [
        *written[:4],
        "    def inner(): __line__[0] = 5; return 1",
        *written[5:7],
        "            while x: __line__[0] = 8; x = x - 1",
        *written[8:12],
        "        a: __line__[0] = 12; pass",
        *written[13:],
    ]
    assert [line.strip() for line in marked if line.strip().startswith("__line__")] == [
        "__line__[0] = 2",
        "__line__[0] = 6",
    ]
    assert len(marked) == len(source.lines)
    assert all(source.line_of(at) == number for at, number in enumerate(source.lines, 1))
    assert source.line_of(len(marked) + 1) is None


def test_marked_code_is_code():
    tree = ast.parse(read_source(MARKED).marked)
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["outer", "main"]


# What is said to be missing is missing, and what is said to be there is there: both change with the sandbox.


@pytest.fixture(scope="module")
def monty():
    with Monty(max_processes=1) as pool:
        yield pool


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_that_are_offered_are_there(monty, module):
    with monty.checkout() as session:
        session.feed_run(f"import {module}")


@pytest.mark.parametrize("module", ["socket", "subprocess", "urllib", "ctypes", "importlib", "statistics", "enum"])
def test_others_are_not(monty, module):
    with monty.checkout() as session, pytest.raises(MontyError, match="No module named"):
        session.feed_run(f"import {module}")


@pytest.mark.parametrize(
    "code",
    [
        "class A: pass\nclass B(A): pass",
        "def f():\n    yield 1",
        "del x",
        "async def f():\n    async for x in y: pass",
        "try:\n    pass\nexcept* ValueError:\n    pass",
        "from json import *",
    ],
)
def test_what_lint_refuses_the_sandbox_refuses_too(monty, code):
    with pytest.raises(CodeError):
        read_source(f"{code}\ndef main(): pass")
    with monty.checkout() as session, pytest.raises(MontyError, match=r"not yet support|not supported"):
        session.feed_run(code)
