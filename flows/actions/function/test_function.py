import asyncio
import time

import pytest

from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionCancelled, ActionLogged, ActionStarted, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

CODE = "def main(text: str, most: int = 2):\n    print('asked', text)\n    return text.split()[:most]"
INPUTS = [{"name": "text", "type": "text"}, {"name": "key", "type": "secret", "required": False}]


def document(**properties):
    actions = [
        {"id": "call", "type": "function", "properties": {"code": CODE, **properties}},
        {"id": "ret", "type": "return", "properties": {"value": "{{ result }}"}},
    ]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": actions})


async def returned(journal=None, inputs=None, **properties):
    given = {"text": "a b c", **(inputs or {})}
    return await execute(document(**properties), given, journal or MemoryJournal(), MemoryServices())


async def test_a_function_computes_a_value():
    assert await returned(arguments={"text": "{{ text }}"}) == ["a", "b"]
    assert await returned(arguments={"text": "{{ text }}", "most": "{{ 1 + 2 }}"}) == ["a", "b", "c"]
    assert await returned(arguments="{{ {'text': text} }}") == ["a", "b"]
    assert await returned(arguments='{"text": "{{ text }} d", "most": 4}') == ["a", "b", "c", "d"]
    assert await returned(code="def main(): return 5") == 5


async def test_arguments_keep_their_types():
    code = "def main(x):\n    return [type(each).__name__ for each in x]"
    assert await returned(code=code, arguments={"x": ["{{ 1 }}", "{{ 1.5 }}", "{{ [1] }}", "{{ {'a': 1} }}", "1"]}) == [
        "int",
        "float",
        "list",
        "dict",
        "str",
    ]


async def test_what_it_prints_goes_to_the_log():
    journal = MemoryJournal()
    await returned(journal, arguments={"text": "x"})
    with pytest.raises(RunFailed):
        await returned(journal, code="def main():\n    print('before')\n    1 / 0")

    lines = [(event.level, event.message) for event in journal.events if isinstance(event, ActionLogged)]
    assert lines == [("info", "asked x"), ("info", "before")]


OUT_OF_TIME = {"code": "def main():\n    while True: pass", "time_limit": 0.2}
OUT_OF_MEMORY = {"code": "def main():\n    return 'a' * 9_000_000", "memory_limit": 8}
TOO_DEEP = {"code": "def main(n=0):\n    return main(n + 1)", "recursion_limit": 10}
BROKEN = {"code": "def main():\n    return nobody"}


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        (OUT_OF_TIME, "function_time", "Line 2: The function did not end within 0.2 s"),
        (OUT_OF_MEMORY, "function_memory", "Line 2: The function needs more than 8 MB"),
        (TOO_DEEP, "function_recursion", "Line 2: More than 10 calls"),
        (BROKEN, "function_error", "Line 2: NameError: name 'nobody' is not defined"),
        ({"code": "def main(:"}, "code", "Line 1: "),
        ({}, "input", "main needs a value for text"),
        ({"arguments": {"text": "x", "more": 1}}, "input", "main has no parameter more"),
        ({"arguments": "{{ text }}"}, "input", "Arguments is not an object"),
    ],
)
async def test_what_goes_wrong_stops_the_run_with_a_sentence(properties, kind, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await returned(**properties)
    assert failed.value.error.kind == kind
    assert failed.value.error.hint


async def test_a_secret_is_not_handed_over():
    journal = MemoryJournal()
    with pytest.raises(RunFailed, match="Arguments would show a secret"):
        await returned(journal, {"key": Secret("long-enough-k3y")}, arguments={"text": "{{ key }}"})
    assert "long-enough" not in repr([event for event in journal.events if isinstance(event, ActionStarted)])


async def test_a_stop_reaches_it_within_a_second():
    journal = MemoryJournal()
    code = "def main():\n    while True: pass"
    task = asyncio.create_task(returned(journal, code=code, time_limit=60))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert time.monotonic() - began < 1
    assert isinstance(journal.events[-1], ActionCancelled)


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ({"arguments": {"text": "{{ text }}"}}, []),
        ({"arguments": "{{ text }}"}, []),
        ({"code": "def main(): return 1"}, []),
        ({}, [("arguments", "Arguments: main needs a value for text.")]),
        ({"arguments": {"text": 1, "lost": 2}}, [("arguments", "Arguments: main has no parameter lost.")]),
        ({"code": "def main():\n    return (1"}, [("code", "Code: Line 2: '(' was never closed.")]),
        ({"code": "import requests\ndef main(): pass"}, [("code", "Code: Line 1: There is no module requests here.")]),
        ({"code": "def main(): return {{ text }}"}, []),
    ],
)
def test_lint_reads_code_and_arguments(properties, found):
    said = [(problem.property, problem.message) for problem in problems(document(**properties))]
    assert len(said) == len(found)
    for (name, message), (property, words) in zip(said, found, strict=True):
        assert name == property
        assert message.startswith(words)
