"""Named parameters of a statement -> the places and values of a driver. The text of a value never gets into SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connections.kinds.base import DataSourceError
from connections.secret import Secret

# What is no place for a parameter: strings, quoted names, comments and casts everywhere, the rest where it is known.
SKIPPED = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*|::"
ESCAPED_STRINGS = r"(?<!\w)[eE]'(?:[^'\\]|\\.|'')*'"
DOLLAR_QUOTES = r"(?<!\w)\$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$"
BACKTICKS = r"`(?:[^`]|``)*`"
BRACKETS = r"\[(?:[^\]]|\]\])*\]"  # an array in PostgreSQL, where parameters may stand
PARAMETER = r"(?<![:\w]):(?P<colon>[A-Za-z_]\w*)|%\((?P<percent>[A-Za-z_]\w*)\)s"


def tokens(*more: str) -> re.Pattern[str]:
    return re.compile(f"(?P<skipped>{'|'.join((*more, SKIPPED))})|{PARAMETER}", re.DOTALL)


@dataclass(frozen=True)
class BoundStatement:
    """What a driver executes; a parameter that stands in two places is there twice, unless the driver numbers them."""

    sql: str
    values: tuple[Any, ...]


def parameter_names(sql: str) -> list[str]:
    """Those that every database would find, each once, in their order."""
    pattern = tokens(ESCAPED_STRINGS, DOLLAR_QUOTES, BACKTICKS, BRACKETS)
    return list(dict.fromkeys(name for _, name in pieces_of(sql, pattern) if name))


def pieces_of(sql: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """The statement in pieces: a text, and the parameter that stands behind it, if any."""
    at, begin = 0, 0
    while found := pattern.search(sql, at):
        at = found.end()
        if found["skipped"] == "/*":
            at = end_of_comment(sql, at)
        elif not found["skipped"]:
            yield sql[begin : found.start()], found["colon"] or found["percent"]
            begin = at
    yield sql[begin:], ""


def end_of_comment(sql: str, at: int) -> int:
    """Behind a comment that may have others inside."""
    depth = 1
    for found in re.finditer(r"/\*|\*/", sql[at:]):
        depth += 1 if found[0] == "/*" else -1
        if depth == 0:
            return at + found.end()
    return len(sql)


@dataclass(frozen=True)
class Dialect:
    """How a driver wants its parameters."""

    place: Callable[[int], str]  # of a parameter by its number, from 1
    adapt: Callable[[Any], Any]  # a value
    tokens: re.Pattern[str]
    numbered: bool = False  # a parameter in two places is handed over once
    percent_is_special: bool = False


def bind(sql: str, parameters: Mapping[str, Any], dialect: Dialect) -> BoundStatement:
    """Raises DataSourceError of kind query for a parameter without a value, or with one that no driver can send."""
    text, values, numbers = "", list[Any](), dict[str, int]()
    pieces = list(pieces_of(sql, dialect.tokens))
    has_parameters = any(name for _, name in pieces)
    for piece, name in pieces:
        text += piece.replace("%", "%%") if dialect.percent_is_special and has_parameters else piece
        if not name:
            continue
        if name not in parameters:
            raise DataSourceError(
                "query", f"The statement names the parameter {name}, which has no value.", "Give it one in Parameters."
            )
        if name not in numbers or not dialect.numbered:
            values.append(sendable(name, dialect.adapt(parameters[name])))
            numbers[name] = len(values)
        text += dialect.place(numbers[name])
    return BoundStatement(text, tuple(values))


def sendable(name: str, value: Any) -> Any:
    try:
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)).encode()
    except UnicodeEncodeError:
        raise DataSourceError(
            "query", f"The parameter {name} has half of a character in it (a surrogate without its other half).",
            "Remove it from the text: no database takes it.",
        ) from None  # fmt: skip
    return value


def plain_value(value: Any) -> Any:
    """A value as any driver takes it: secrets opened, lists and objects as JSON."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
