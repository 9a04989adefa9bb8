"""Reads the table that gives the variables of a batch their values, from a CSV or JSONL file or a text box.

Everything that is wrong is said at once, with the line and what to do. A column is a variable, so its name becomes one.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flows.playground.setup import CONVERSATION, IMAGES
from foundryflow.strict_json import UNSTORABLE

LARGEST = 10 * 1024 * 1024  # bytes of a file
MOST_ROWS, MOST_COLUMNS = 10_000, 50
MOST_BLANK_LINES = 100_000
LONGEST_CELL, LONGEST_NAME = 100_000, 100  # characters
DEEPEST = 30  # lists and objects inside each other
MOST_PROBLEMS = 20
SNIFFED_RECORDS = 50

WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how xlsx and xls begin
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
JSON_LINES = (".jsonl", ".ndjson", ".json")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NOT_STORED = "it holds a character that cannot be stored (NUL or half a surrogate pair). Remove it."
# fmt: off
RESERVED = {  # by the template language and by flows
    "and", "elif", "else", "false", "for", "if", "in", "inputs", "is", "loop", "none", "not", "or", "range", "self",
    "true", CONVERSATION, IMAGES,
}
# fmt: on


TableRow = Mapping[str, Any]
CsvRecord = tuple[int, list[str]]  # the line it begins in, and its cells


class TableError(ValueError):
    """The table cannot be used; each problem says where, why and what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - MOST_PROBLEMS
        self.problems = [*problems[:MOST_PROBLEMS], *([f"And {more:,} more like these."] if more > 0 else [])]
        super().__init__(" ".join(self.problems))


@dataclass(frozen=True)
class InputTable:
    """Each row has all the columns. `notes` say what was done to make it fit."""

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()


def read_table(name: str, data: bytes) -> InputTable:
    """Reads a CSV or JSONL file. Raises TableError."""
    if len(data) > LARGEST:
        raise TableError([f"{name} is larger than 10 MB. Split it into several files."])
    if data.startswith(WORKBOOKS):
        raise TableError([f"{name} is a workbook. Save it as CSV in your spreadsheet."])
    text, notes = decode(name, data)
    if name.lower().endswith(JSON_LINES) or (not name.lower().endswith((".csv", ".tsv")) and text.startswith("{")):
        return table_of_objects(text, notes)
    return table_of_cells(text, ",;\t", notes)


def parse_typed_table(text: str) -> InputTable:
    """Reads what was typed or pasted: a header, then rows, with tabs or commas between the cells. Raises TableError."""
    if len(text) > LARGEST:
        raise TableError(["The table is larger than 10 MB. Split it."])
    return table_of_cells(text, "\t,", [])


def decode(name: str, data: bytes) -> tuple[str, list[str]]:
    notes: list[str] = []
    try:
        text = data.decode("utf-16") if data.startswith(UTF_16_MARKS) else data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError:
            raise TableError([f"{name} is not text in UTF-8. Save it as CSV UTF-8."]) from None
        notes.append(f"{name} is not UTF-8 and was read as Windows-1252. Check letters with accents.")
    if "\0" in text:
        raise TableError([f"{name} is not text in UTF-8. Save it as CSV UTF-8."])
    return text, notes


def table_of_cells(text: str, delimiters: str, notes: list[str]) -> InputTable:
    delimiter = max(delimiters, key=lambda delimiter: delimiter_fit(text, delimiter))
    found = list(islice(csv_records(text, delimiter), MOST_ROWS + 2))  # with the header and one too many
    if not found:
        raise TableError(["The table is empty. Give it a header and at least one row."])
    (_, header), *body = found
    columns = variables_of_header(header, notes)
    problems: list[str] = []
    rows: list[TableRow] = []
    blank = 0
    for line, cells in body:
        if not any(cell.strip() for cell in cells):
            blank += 1
        elif len(cells) < len(columns) or any(cells[len(columns) :]):
            problems.append(
                f"Line {line:,} has {counted_noun(len(cells), 'cell')} and the header {len(columns):,}."
                " Put quotes around a cell that holds the separator."
            )
        else:
            rows.append(dict(zip(columns, cells, strict=False)))
            problems += (f"Line {line:,}, {column}: {what}" for column, what in cell_problems(rows[-1]))
    if blank:
        notes.append(f"{counted_noun(blank, 'empty row')} left out.")
    return build_table(columns, rows, problems, notes)


def csv_records(text: str, delimiter: str) -> Iterator[CsvRecord]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    blank = 0
    while blank <= MOST_BLANK_LINES:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise TableError(
                [
                    f"Line {line:,}: a quote is not closed or has text behind it, or a cell is too long."
                    ' Write a quote inside a quoted cell twice: "".'
                ]
            ) from None
        if cells:
            yield line, cells
        else:
            blank += 1
    raise TableError([f"The table has more than {MOST_BLANK_LINES:,} empty lines. Remove them."])


def delimiter_fit(text: str, delimiter: str) -> tuple[bool, int, bool]:
    """How well a delimiter explains the first rows: all are as wide as the header, and that is wide."""
    try:
        widths = [len(cells) for _, cells in islice(csv_records(text, delimiter), SNIFFED_RECORDS)]
    except TableError:
        return False, 0, False
    width, even = (widths[0], len(set(widths)) == 1) if widths else (0, False)
    return even and width > 1, width, even


def table_of_objects(text: str, notes: list[str]) -> InputTable:
    if text.lstrip().startswith("["):
        raise TableError(["The file is one JSON list. Write one object a line, without commas between them (JSONL)."])
    objects: list[dict[str, Any]] = []
    names: dict[str, None] = {}  # in order
    problems: list[str] = []
    # Only line feeds end a line of JSON; other separators may be inside its texts.
    filled = ((line, content) for line, content in enumerate(text.split("\n"), 1) if content.strip())
    for line, content in islice(filled, MOST_ROWS + 1):
        found = object_of(content)
        if isinstance(found, str):
            problems.append(f"Line {line:,}: {found}")
            continue
        problems += (f"Line {line:,}, {name}: {what}" for name, what in cell_problems(found))
        objects.append(found)
        names.update(dict.fromkeys(found))
        if len(names) > MOST_COLUMNS:
            break
    if not objects:
        raise TableError(problems or ["The file is empty. Write one JSON object a line."])
    columns = variables_of_header(list(names), notes)
    for name, column in zip(names, columns, strict=True):
        if missing := sum(name not in found for found in objects):
            notes.append(f"{column} is missing in {counted_noun(missing, 'row')} and empty (null) there.")
    rows = [{column: found.get(name) for name, column in zip(names, columns, strict=True)} for found in objects]
    return build_table(columns, rows, problems, notes)


def object_of(text: str) -> dict[str, Any] | str:
    """The object, or what is wrong."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return 'it is not JSON. Write one object a line, like {"question": "..."}.'
    return found if isinstance(found, dict) else 'it is no JSON object. Write one a line, like {"question": "..."}.'


def build_table(
    columns: Sequence[str], rows: Sequence[TableRow], problems: Sequence[str], notes: Sequence[str]
) -> InputTable:
    if len(rows) > MOST_ROWS:
        problems = [*problems, f"The table has more than {MOST_ROWS:,} rows. Split it."]
    if not rows and not problems:
        problems = ["The table has no rows below its header. Add at least one."]
    if problems:
        raise TableError(problems)
    return InputTable(tuple(columns), tuple(rows), tuple(notes))


def variables_of_header(header: Sequence[str], notes: list[str]) -> list[str]:
    """The variables of the columns. Raises TableError."""
    if len(header) > MOST_COLUMNS:
        raise TableError([f"The table has more than {MOST_COLUMNS} columns. Leave out those that no prompt uses."])
    problems = [] if header else ["The table has no columns. Name at least one variable."]
    places: dict[str, int] = {}
    for place, title in enumerate(header, 1):
        name = variable_name(title)
        if not title.strip():
            problems.append(f"Column {place} has no name. Name it in the header, or remove it.")
        elif not name or len(title) > LONGEST_NAME:
            problems.append(
                f"Column {place} ({title[:30]}) needs a name of at most {LONGEST_NAME} characters with letters a to z."
            )
        elif name in places:
            problems.append(f"Columns {places[name]} and {place} are both the variable {name}. Rename one of them.")
        else:
            places[name] = place
            if name != title.strip():
                notes.append(f"Column {title.strip()} is the variable {name}.")
    if problems:
        raise TableError(problems)
    return list(places)


def variable_name(name: str) -> str:
    """The name of the variable for a column; empty when nothing is left of it."""
    name = name.strip()
    if not NAME.fullmatch(name):
        plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
        name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
        if name[:1].isdigit():
            name = f"column_{name}"
    return f"{name}_value" if name.lower() in RESERVED else name


def cell_problems(row: TableRow) -> Iterator[tuple[str, str]]:
    """The columns whose cell cannot be taken, with the reason."""
    for column, value in row.items():
        if UNSTORABLE.search(column):
            yield "a name", NOT_STORED
        elif (size := length_of(value)) is None:
            yield column[:LONGEST_NAME], f"it is nested deeper than {DEEPEST} levels, or a number is too large."
        elif size > LONGEST_CELL:
            yield column[:LONGEST_NAME], f"it is longer than {LONGEST_CELL:,} characters. Shorten it."
        elif any(UNSTORABLE.search(text) for text in texts_in(value)):
            yield column[:LONGEST_NAME], NOT_STORED


def length_of(value: Any) -> int | None:
    """As text; None for what is no proper JSON."""
    if isinstance(value, str):
        return len(value)
    try:
        return len(json.dumps(value, ensure_ascii=False, allow_nan=False)) if depth(value) <= DEEPEST else None
    except (ValueError, RecursionError):
        return None


def depth(value: Any) -> int:
    level, inside = 0, [value]
    while inside and level <= DEEPEST:
        inside = [item for outer in inside if isinstance(outer, dict | list) for item in items_of(outer)]
        level += 1
    return level


def items_of(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        if isinstance(value, dict):
            yield from value
        for item in items_of(value):
            yield from texts_in(item)


def counted_noun(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
