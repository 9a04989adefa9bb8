"""Operations and filters of templates, each with a bound on what it may make."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from connections.secret import Secret
from flows.values import ConnectionValue, Response, as_text, displayed

LARGEST = 1_000_000  # characters of text, or parts of a list or object, counted with all they hold
MOST_ITEMS = 10_000  # of range()


class TooLarge(ValueError):
    """A value or the output would be larger than allowed."""

    def __init__(self) -> None:
        super().__init__(f"The result would be larger than {LARGEST:,} characters.")


class SecretInText(ValueError):
    """A secret or connection was put into text."""


class View:
    """A response inside a template: its text, and its parts by name; nothing else can be reached."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    def __getitem__(self, name: str) -> Any:
        if name in ("text", "usage", "finish_reason", "model", "json", "raw"):
            return shown(getattr(self._response, name))
        raise KeyError(name)

    def __str__(self) -> str:
        return self._response.text


class Opaque:
    """A secret or a connection inside a template: it can be handed on whole and nothing else."""

    __slots__ = ("_value", "name")

    def __init__(self, value: Secret | ConnectionValue) -> None:
        self._value = value
        self.name = value.name if isinstance(value, ConnectionValue) else None

    def __str__(self) -> str:
        return text_of(self)


def shown(value: Any) -> Any:
    """A value of the scope as a template may see it."""
    match value:
        case Response():
            return View(value)
        case Secret() | ConnectionValue():
            return Opaque(value)
        case Mapping():
            return {key: shown(inner) for key, inner in value.items()}
        case list() | tuple():
            return [shown(inner) for inner in value]
        case _:
            return value


def unwrapped(value: Any) -> Any:
    """The way back: what a template returned, as a value of the scope."""
    match value:
        case View():
            return value._response
        case Opaque():
            return value._value
        case Mapping():
            return {str(key): unwrapped(inner) for key, inner in value.items()}
        case list() | tuple():
            return [unwrapped(inner) for inner in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return as_text(value)


def text_of(value: Any) -> str:
    """The value inside a text. Raises SecretInText, TooLarge."""
    if isinstance(value, str):
        return value
    if isinstance(value, Opaque):
        inner = value._value
        if isinstance(inner, ConnectionValue):
            return inner.name
        raise SecretInText("It is a secret: hand it whole to a secret property, it cannot go into a text.")
    if isinstance(value, list | tuple | Mapping):
        measure(value)
        guard_secrets(value)
        return bounded(json.dumps(displayed(unwrapped(value)), ensure_ascii=False))
    return bounded(as_text(unwrapped(value)))


def guard_secrets(value: Any) -> None:
    if isinstance(value, Opaque) and isinstance(value._value, Secret):
        text_of(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            guard_secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            guard_secrets(inner)


def bounded(text: str) -> str:
    if len(text) > LARGEST:
        raise TooLarge
    return text


def measure(value: Any, so_far: int = 0) -> int:
    """The size of a value with all it holds. Raises TooLarge as soon as it is known to be."""
    so_far += len(value) if isinstance(value, str) else 1
    if isinstance(value, Mapping):
        for key, inner in value.items():
            so_far = measure(inner, so_far + len(str(key)))
    elif isinstance(value, list | tuple):
        for inner in value:
            so_far = measure(inner, so_far)
    if so_far > LARGEST:
        raise TooLarge
    return so_far


# Operators


def add(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return checked_number(left + right)
    if isinstance(left, list) and isinstance(right, list):
        return bounded_list([*left, *right])
    if isinstance(left, str | View) and isinstance(right, str | View):
        return concatenate(left, right)
    raise ValueError(
        f"+ takes two numbers, two texts or two lists, not {kind(left)} and {kind(right)}; ~ joins anything as text."
    )


def multiply(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return checked_number(left * right)
    raise ValueError(f"* takes two numbers, not {kind(left)} and {kind(right)}.")


def power(left: Any, right: Any) -> Any:
    if not (is_number(left) and is_number(right)):
        raise ValueError("** takes two numbers.")
    if abs(right) > 64 or abs(left) > 10**15:
        raise ValueError("The power would be too large.")
    result = left**right
    if isinstance(result, complex):
        raise ValueError("The power is not a real number.")
    return checked_number(result)


def concatenate(*parts: Any) -> str:
    texts = [text_of(part) for part in parts]
    if sum(map(len, texts)) > LARGEST:
        raise TooLarge
    return "".join(texts)


def bounded_list(items: list[Any]) -> list[Any]:
    measure(items)
    return items


def make_list(*items: Any) -> list[Any]:
    return bounded_list(list(items))


def make_object(*parts: Any) -> dict[str, Any]:
    made = {text_of(key): value for key, value in zip(parts[::2], parts[1::2], strict=True)}
    measure(made)
    return made


def bounded_range(*args: Any) -> list[int]:
    made = range(*(int(argument) for argument in args))
    if len(made) > MOST_ITEMS:
        raise ValueError(f"range() gives at most {MOST_ITEMS:,} numbers.")
    return list(made)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def checked_number(value: Any) -> Any:
    if abs(value) > 10**300 or (isinstance(value, int) and value.bit_length() > 120):
        raise ValueError("The number would be too large.")
    return value


def kind(value: Any) -> str:
    names = {
        str: "a text",
        bool: "true or false",
        list: "a list",
        dict: "an object",
        type(None): "nothing",
        View: "a text",
    }
    return names.get(type(value), "a number" if is_number(value) else "this")


# Filters


def length(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else len(text_of(value))


def replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = text_of(value), text_of(old), text_of(new)
    grown = len(text) + text.count(old) * (len(new) - len(old)) if old else (len(text) + 1) * (len(new) + 1)
    if grown > LARGEST:
        raise TooLarge
    return text.replace(old, new)


def join(value: Any, separator: Any = "", attribute: str | None = None) -> str:
    items = [item[attribute] if attribute else item for item in as_list(value)]
    texts, between = [text_of(item) for item in items], text_of(separator)
    if sum(map(len, texts)) + len(between) * len(texts) > LARGEST:
        raise TooLarge
    return between.join(texts)


def indent(value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
    text = text_of(value)
    width = min(int(width), 200)
    if len(text) + width * (text.count("\n") + 1) > LARGEST:
        raise TooLarge
    lines = [
        " " * width + line if (line or blank) and (at or first) else line for at, line in enumerate(text.split("\n"))
    ]
    return "\n".join(lines)


def truncate(value: Any, length: int = 255, killwords: bool = False, end: str = "...") -> str:
    text = text_of(value)
    if len(text) <= length:
        return text
    cut = text[: max(0, int(length) - len(end))]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + end


def split(value: Any, separator: Any = None, most: int = -1) -> list[str]:
    return bounded_list(text_of(value).split(text_of(separator) if separator is not None else None, int(most)))


def lines(value: Any) -> list[str]:
    return [line for line in text_of(value).splitlines() if line.strip()]


def batch(value: Any, size: int, fill: Any = None) -> list[list[Any]]:
    items, size = as_list(value), int(size)
    if not 0 < size <= MOST_ITEMS:
        raise ValueError("batch takes a size from 1 to 10,000.")
    rows = [items[at : at + size] for at in range(0, len(items), size)]
    if fill is not None and rows:
        rows[-1] = rows[-1] + [fill] * (size - len(rows[-1]))
    return bounded_list(rows)


def as_list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        return list(value)
    if isinstance(value, str | View):
        return list(text_of(value))
    if isinstance(value, Iterable):
        return list(value)
    raise ValueError(f"It takes a list, not {kind(value)}.")


def total(value: Any, attribute: str | None = None, start: Any = 0) -> Any:
    for item in as_list(value):
        number = item[attribute] if attribute else item
        if not is_number(number):
            raise ValueError("sum takes numbers.")
        start = checked_number(start + number)
    return start


def number(value: Any, default: Any = 0) -> int:
    try:
        return int(float(text_of(value))) if not isinstance(value, int) else value
    except (ValueError, OverflowError):
        return int(default)


def decimal(value: Any, default: Any = 0.0) -> float:
    try:
        return float(text_of(value))
    except ValueError:
        return float(default)


def tojson(value: Any, indent: int | None = None) -> str:
    measure(value)
    guard_secrets(value)
    return bounded(
        json.dumps(displayed(unwrapped(value)), ensure_ascii=False, indent=min(indent, 8) if indent else None)
    )


def text_filter(change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: bounded(change(text_of(value)))


FILTERS: dict[str, Callable[..., Any]] = {
    "length": length,
    "count": length,
    "replace": replace,
    "join": join,
    "indent": indent,
    "truncate": truncate,
    "split": split,
    "lines": lines,
    "batch": batch,
    "list": as_list,
    "sum": total,
    "int": number,
    "float": decimal,
    "tojson": tojson,
    "string": text_of,
    "upper": text_filter(str.upper),
    "lower": text_filter(str.lower),
    "title": text_filter(str.title),
    "capitalize": text_filter(str.capitalize),
    "urlencode": text_filter(lambda text: quote(text, safe="")),
    "trim": lambda value, chars=None: text_of(value).strip(chars),
    "keys": lambda value: list(value),
    "values": lambda value: list(value.values()),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "range": bounded_range,
    "_add": add,
    "_multiply": multiply,
    "_power": power,
    "_concatenate": concatenate,
    "_list": make_list,
    "_object": make_object,
}


class Output(threading.local):
    """Counts what one rendering has written so far."""

    written = 0

    def emit(self, value: Any) -> str:
        text = text_of(value)
        self.written += len(text)
        if self.written > LARGEST:
            raise TooLarge
        return text


output = Output()
