"""The filters of templates that make something new, each within the budget."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from flows.language.sandbox.budget import budget
from flows.language.sandbox.operations import (
    MOST_ITEMS,
    ResponseView,
    as_list,
    charge_list,
    charge_text,
    check_number,
    guard,
    is_number,
    part,
    text_of,
    to_json,
)


def length(value: Any) -> int:
    return len(value) if isinstance(value, list | tuple | dict) else len(text_of(value))


def replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = text_of(value), text_of(old), text_of(new)
    grown = len(text) + text.count(old) * (len(new) - len(old)) if old else (len(text) + 1) * (len(new) + 1)
    budget.refuse(grown)
    return charge_text(text.replace(old, new))


def join(value: Any, separator: Any = "", attribute: str | None = None) -> str:
    items = [part(item, attribute) if attribute else item for item in as_list(value)]
    between, size, texts = text_of(separator), 0, []
    for item in items:
        texts.append(text_of(item))
        size += len(texts[-1]) + len(between)
        budget.refuse(size)
    return charge_text(between.join(texts))


def indent(value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
    text = text_of(value)
    width = min(max(int(width), 0), 200)
    budget.refuse(len(text) + width * (text.count("\n") + 1))
    lines = [
        " " * width + line if (line or blank) and (at or first) else line for at, line in enumerate(text.split("\n"))
    ]
    return charge_text("\n".join(lines))


def truncate(value: Any, length: int = 255, killwords: bool = False, end: str = "...") -> str:
    text = text_of(value)
    if len(text) <= length:
        return text
    cut = text[: max(0, int(length) - len(end))]
    return charge_text((cut if killwords else cut.rsplit(" ", 1)[0]) + end)


def split(value: Any, separator: Any = None, most: int = -1) -> list[str]:
    return charge_list(text_of(value).split(text_of(separator) if separator is not None else None, int(most)))


def lines(value: Any) -> list[str]:
    return charge_list([line for line in text_of(value).splitlines() if line.strip()])


def batch(value: Any, size: int, fill: Any = None) -> list[list[Any]]:
    items, size = as_list(value), int(size)
    if not 0 < size <= MOST_ITEMS:
        raise ValueError(f"batch takes a size from 1 to {MOST_ITEMS:,}.")
    rows = [items[at : at + size] for at in range(0, len(items), size)]
    if fill is not None and rows:
        rows[-1] = rows[-1] + [fill] * (size - len(rows[-1]))
    return charge_list(rows)


def to_list(value: Any) -> list[Any]:
    return charge_list(as_list(value))


def sum_items(value: Any, attribute: str | None = None, start: Any = 0) -> Any:
    for item in as_list(value):
        number = part(item, attribute) if attribute else item
        if not is_number(number):
            raise ValueError("sum takes numbers.")
        start = check_number(start + number)
    return start


def to_int(value: Any, default: Any = 0) -> int:
    try:
        return int(value) if isinstance(value, int) else int(float(text_of(value)))
    except (ValueError, OverflowError):
        return int(default)


def to_float(value: Any, default: Any = 0.0) -> float:
    try:
        return float(value) if isinstance(value, int | float) else float(text_of(value))
    except ValueError:
        return float(default)


def tojson(value: Any, indent: int | None = None) -> str:
    return to_json(value, min(max(int(indent), 0), 8) if indent else None)


def urlencode(value: Any) -> str:
    text = text_of(value)
    # A character takes at most four bytes of three characters each.
    budget.refuse(len(text) * 12)
    return charge_text(quote(text, safe=""))


def keys(value: Any) -> list[str]:
    return charge_list(list(mapping(value)))


def values(value: Any) -> list[Any]:
    return charge_list(list(mapping(value).values()))


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("keys and values take an object.")
    return value


def trim(value: Any, characters: Any = None) -> str:
    return charge_text(text_of(value).strip(None if characters is None else text_of(characters)))


OWN_FILTERS: dict[str, Callable[..., Any]] = {
    "length": length,
    "count": length,
    "replace": replace,
    "join": join,
    "indent": indent,
    "truncate": truncate,
    "split": split,
    "lines": lines,
    "batch": batch,
    "list": to_list,
    "sum": sum_items,
    "int": to_int,
    "float": to_float,
    "tojson": tojson,
    "string": lambda value: charge_text(text_of(value)),
    "upper": lambda value: charge_text(text_of(value).upper()),
    "lower": lambda value: charge_text(text_of(value).lower()),
    "title": lambda value: charge_text(text_of(value).title()),
    "capitalize": lambda value: charge_text(text_of(value).capitalize()),
    "urlencode": urlencode,
    "trim": trim,
    "keys": keys,
    "values": values,
}
QUICK = frozenset({"length", "count", "truncate", "trim"})  # however long the text is


def limit_text(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def called(value: Any, *args: Any, **kwargs: Any) -> Any:
        text = value._response.text if isinstance(value, ResponseView) else value
        if isinstance(text, str):
            budget.work_on(len(text))
        return function(value, *args, **kwargs)

    return called


FILTERS = {name: guard(function if name in QUICK else limit_text(function)) for name, function in OWN_FILTERS.items()}
