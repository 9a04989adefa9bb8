"""JSON from outside, as every part of the product and every database can hold it. Knows no Django."""

from __future__ import annotations

import json
import math
import re
from typing import Any

DEEPEST = 200  # lists and objects inside each other
LONGEST_NUMBER = 300  # digits of a whole number; a longer one is none that anything computes with
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL and halves of surrogate pairs


class JsonError(ValueError):
    """Why a text is no JSON that can be kept: a predicate ("is nested too deeply"), and the place where it is known."""

    def __init__(self, what: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(what if line is None else f"line {line}: {what}")
        self.what, self.line, self.column = what, line, column


def read_json(text: str | bytes, deepest: int = DEEPEST) -> Any:
    """The value, its depth and its whole numbers bounded; `check_values` looks at the rest. Raises JsonError."""
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text)).removeprefix("\ufeff")
        value = json.loads(text, parse_int=bounded_integer)
    except UnicodeDecodeError:
        raise JsonError("is not text") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON ({error.msg})", error.lineno, error.colno) from None
    except RecursionError:
        raise too_deep(deepest) from None
    if deeper_than(value, deepest):
        raise too_deep(deepest)
    return value


def storable_json(text: str | bytes, deepest: int = DEEPEST) -> Any:
    """The value, with nothing in it that a database would refuse. Raises JsonError."""
    value = read_json(text, deepest)
    check_values(value)
    return value


def check_values(value: Any) -> None:
    """Raises JsonError for NaN and infinite numbers, NUL characters and halves of surrogate pairs, in names, too."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                if found := UNSTORABLE.search(text):
                    what = "a NUL character" if found[0] == "\0" else "half a surrogate pair"
                    raise JsonError(f"has {what} in a text")
            case float() as number:
                if not math.isfinite(number):
                    raise JsonError("has NaN or an infinite number, which are not JSON")
            case dict() as named:
                waiting += named
                waiting += named.values()
            case list() as listed:
                waiting += listed


def deeper_than(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most + 1):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def too_deep(most: int) -> JsonError:
    return JsonError(f"is nested too deeply: lists and objects lie more than {most} deep in each other")


def bounded_integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise JsonError("has a number of hundreds or thousands of digits")
    return int(digits)
