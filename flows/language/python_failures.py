"""Why a function of people gave no value, in sentences that name the line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic_monty import Frame, MontyError, MontyRuntimeError, MontySyntaxError

from flows.language.errors import ActionError
from flows.language.python_source import FunctionSource

LONGEST_MESSAGE = 500  # characters
MOST_PLACES = 10
OUT_OF_TIME = ("TimeoutError: feed time limit", "TimeoutError: sleep limit")
OUT_OF_MEMORY, TOO_DEEP = "MemoryError: memory limit", "RecursionError: maximum recursion"


class FunctionFailed(ActionError):
    """The function gave no value; `printed` is what it had printed by then."""

    def __init__(self, kind: str, message: str, hint: str = "", *, raw: str = "", may_repeat: bool = False) -> None:
        super().__init__(kind, message, hint, raw=raw, may_repeat=may_repeat)
        self.printed = ""


MEGABYTE = 1_000_000


@dataclass(frozen=True)
class FunctionLimits:
    seconds: float = 5.0
    memory: int = 64_000_000  # bytes
    depth: int = 200  # calls inside each other

    @classmethod
    def of(cls, seconds: float, megabytes: float, depth: float) -> FunctionLimits:
        """As people write them."""
        return cls(float(seconds), int(megabytes * MEGABYTE), int(depth))


@dataclass(frozen=True)
class CodePlace:
    """Where an exception came through, in the text as it was written."""

    line: int
    words: str


def traceback_of(error: MontyError) -> list[Frame]:
    """Empty for the exception of a limit."""
    return error.traceback() if isinstance(error, MontyRuntimeError | MontySyntaxError) else []


def places_of(error: MontyError, source: FunctionSource) -> Iterator[CodePlace]:
    """From the outside to where it was raised."""
    for frame in traceback_of(error):
        line = source.line_of(frame.line)
        if line is not None:
            where = "" if frame.function_name in (None, "<module>") else f", in {frame.function_name}"
            yield CodePlace(line, f"Line {line}{where}: {(frame.source_line or '').strip()}")


def failure_of(
    error: MontyError, limits: FunctionLimits, line: int | None, places: Sequence[CodePlace]
) -> FunctionFailed:
    """What to tell of an exception that came out at a line."""
    said = str(error)[:LONGEST_MESSAGE]
    if not places and traceback_of(error):  # it was behind the text of people, where the result becomes JSON
        why = "it is nested too deeply" if said.startswith(TOO_DEEP) else said.partition(": ")[2] or said
        hint = "Return texts, numbers, lists and objects."
        return FunctionFailed("function_result", f"What the function returns is not JSON: {why}.", hint)
    raw = "\n".join(dict.fromkeys(place.words for place in places[-MOST_PLACES:]))
    if said.startswith(OUT_OF_TIME):
        return out_of_time(limits, line)
    if said.startswith(OUT_OF_MEMORY):
        sentence = f"The function needs more than {limits.memory // 1_000_000} MB."
        hint = "Work on less at a time, or raise the memory limit."
        return FunctionFailed("function_memory", at_line(line, sentence), hint, raw=raw)
    if said.startswith(TOO_DEEP):
        sentence = f"More than {limits.depth} calls inside each other."
        hint = "Look for a function that calls itself without an end, or raise the recursion limit."
        return FunctionFailed("function_recursion", at_line(line, sentence), hint, raw=raw)
    return FunctionFailed("function_error", at_line(line, said), "Correct the code, or what is handed to it.", raw=raw)


def out_of_time(limits: FunctionLimits, line: int | None) -> FunctionFailed:
    sentence = f"The function did not end within {limits.seconds:g} s."
    hint = "Look for a loop without an end, or raise the time limit."
    return FunctionFailed("function_time", at_line(line, sentence), hint)


def at_line(line: int | None, sentence: str) -> str:
    return sentence if line is None else f"Line {line}: {sentence}"
