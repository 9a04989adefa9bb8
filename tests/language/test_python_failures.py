"""Why a function gave no value: by the words of the sandbox, in sentences that name the line."""

from types import SimpleNamespace

import pytest

from flows.language import python_failures
from flows.language.python_failures import CodePlace, FunctionLimits, failure_of, places_of

LIMITS = FunctionLimits.of(2.5, 64, 100)
PLACES = [CodePlace(number, f"Line {number}: x") for number in (1, 2, 2)]


@pytest.mark.parametrize(
    ("said", "kind", "message", "raw"),
    [
        ("TimeoutError: feed time limit 2.5", "function_time", "Line 2: The function did not end within 2.5 s.", ""),
        ("TimeoutError: sleep limit", "function_time", "Line 2: The function did not end within 2.5 s.", ""),
        (
            "MemoryError: memory limit",
            "function_memory",
            "Line 2: The function needs more than 64 MB.",
            "Line 1: x\nLine 2: x",
        ),
        (
            "RecursionError: maximum recursion",
            "function_recursion",
            "Line 2: More than 100 calls inside each other.",
            "Line 1: x\nLine 2: x",
        ),
        ("ValueError: no", "function_error", "Line 2: ValueError: no", "Line 1: x\nLine 2: x"),
        ("x" * 501, "function_error", f"Line 2: {'x' * 500}", "Line 1: x\nLine 2: x"),
    ],
)
def test_the_words_of_the_sandbox_become_a_sentence_with_its_line(said, kind, message, raw):
    failed = failure_of(Exception(said), LIMITS, 2, PLACES)
    assert (failed.kind, failed.message, failed.raw, failed.printed, failed.may_repeat) == (
        kind,
        message,
        raw,
        "",
        False,
    )
    assert failed.hint


def test_where_the_line_is_not_known_the_sentence_stands_alone():
    assert failure_of(Exception("ValueError: no"), LIMITS, None, []).message == "ValueError: no"


def test_the_last_ten_places_are_told():
    places = [CodePlace(number, str(number)) for number in range(12)]
    assert failure_of(Exception("no"), LIMITS, 1, places).raw.split("\n") == [str(number) for number in range(2, 12)]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("TypeError: a set is not JSON", "a set is not JSON"),
        ("TypeError", "TypeError"),
        ("RecursionError: maximum recursion depth", "it is nested too deeply"),
    ],
)
def test_a_result_that_is_no_json_is_said_to_be_none(monkeypatch, said, why):
    monkeypatch.setattr(python_failures, "traceback_of", lambda error: ["behind the text of people"])
    failed = failure_of(Exception(said), LIMITS, 2, [])
    assert (failed.kind, failed.message) == ("function_result", f"What the function returns is not JSON: {why}.")
    assert failed.hint == "Return texts, numbers, lists and objects."


def test_places_are_lines_of_the_text_as_it_was_written(monkeypatch):
    def frame(line, name, text):
        return SimpleNamespace(line=line, function_name=name, source_line=text)

    frames = [
        frame(1, None, "  f()"),
        frame(2, "<module>", None),
        frame(3, "f", "  return 1 / 0"),
        frame(9, "g", "ours"),
    ]
    monkeypatch.setattr(python_failures, "traceback_of", lambda error: frames)
    source = SimpleNamespace(line_of=lambda line: line + 10 if line < 9 else None)
    assert [*places_of(Exception(), source)] == [
        CodePlace(11, "Line 11: f()"),
        CodePlace(12, "Line 12: "),
        CodePlace(13, "Line 13, in f: return 1 / 0"),
    ]


def test_limits_are_those_that_people_write_or_the_usual_ones():
    assert FunctionLimits.of(2, 1.5, 10.0) == FunctionLimits(2.0, 1_500_000, 10)
    assert FunctionLimits() == FunctionLimits.of(5, 64, 200)
