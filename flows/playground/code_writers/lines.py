"""Breaks long texts into lines that can be read, and writes values as JSON in a source file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flows.playground.code_writers.templated_text import TemplatedText, TextVariable

Part = str | TextVariable
KNOWN = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}  # what most languages escape alike
SHORT = 40  # characters that stand on one line, whatever they are
MOST_LINES = 300  # of one text; longer ones are written in longer lines
ATOM = re.compile(r"\S+[^\S\n]*\n?|[^\S\n]+\n?|\n")


def lines_of(text: str, width: int) -> list[list[Part]]:
    """The parts of a text by lines: a line ends with a line of the text, or before the word that does not fit."""
    parts: Sequence[Part] = text.parts if isinstance(text, TemplatedText) else (text,)
    if len(text) <= min(SHORT, width):
        return [list(parts)]
    lines = break_lines(parts, width)
    if len(lines) > MOST_LINES:
        lines = break_lines(parts, max(width, len(text) // MOST_LINES * 2), at_line_ends=False)
    return lines


def break_lines(parts: Sequence[Part], width: int, *, at_line_ends: bool = True) -> list[list[Part]]:
    lines: list[list[Part]] = [[]]
    used = 0
    for atom in atoms_of(parts):
        size = len(atom.name) + 2 if isinstance(atom, TextVariable) else len(atom.rstrip())
        ended = at_line_ends and bool(lines[-1]) and isinstance(lines[-1][-1], str) and lines[-1][-1].endswith("\n")
        if lines[-1] and (ended or used + size > width):
            lines.append([])
            used = 0
        lines[-1].append(atom)
        used += size if isinstance(atom, TextVariable) else len(atom)
    return [join_texts(line) for line in lines]


def atoms_of(parts: Sequence[Part]) -> list[Part]:
    atoms: list[Part] = []
    for part in parts:
        atoms += [part] if isinstance(part, TextVariable) else ATOM.findall(part)
    return atoms


def join_texts(line: Sequence[Part]) -> list[Part]:
    """Neighbouring texts as one."""
    made: list[Part] = []
    for part in line:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        else:
            made.append(part)
    return made


class Escapes(dict[int, str]):
    """Every character by the table, else itself when it can be seen, else by `escape_of`."""

    def __init__(self, known: Mapping[str, str], escape_of: Callable[[str], str]) -> None:
        super().__init__({ord(char): instead for char, instead in known.items()})
        self._escape_of = escape_of

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = char if char.isprintable() else self._escape_of(char)
        return self[code]


def escape(text: str, known: Mapping[str, str], escape_of: Callable[[str], str]) -> str:
    return text.translate(Escapes(known, escape_of))


def quote_with(text: str, escape_of: Callable[[str], str]) -> str:
    """A literal between double quotes, in languages that escape by `KNOWN`."""
    return f'"{escape(text, KNOWN, escape_of)}"'


def utf16(char: str) -> list[int]:
    """The code units, also of half a surrogate pair."""
    data = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def utf16_escapes(char: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in utf16(char))


def json_text(value: Any, also: Mapping[str, str] | None = None) -> str:
    """JSON on several lines. What cannot be seen is escaped, and what `also` names."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    known = {"\n": "\n", **(also or {})}  # a line end inside a text is escaped already
    return escape(text, known, utf16_escapes)


def indent(text: str, by: str) -> str:
    """Every line but the first, moved to the right."""
    return text.replace("\n", f"\n{by}")
