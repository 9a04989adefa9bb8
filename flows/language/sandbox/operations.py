"""Values as templates see them, and the operations that make new ones, each within the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from connections.secret import Secret
from flows.language.sandbox.budget import PART, budget
from flows.language.values import VISIBLE, ConnectionValue, Response, as_text, display_json

MOST_ITEMS = 10_000  # of range()
DEEPEST = 100  # lists and objects inside each other


class SecretInText(ValueError):
    """A secret was put into text."""

    def __init__(self) -> None:
        super().__init__("It is a secret: hand it whole to a secret property, it cannot go into a text.")


class ResponseView:
    """A response inside a template: its text, and its parts by name; nothing else can be reached."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    def part(self, name: Any) -> Any:
        return to_view(getattr(self._response, name)) if name in VISIBLE else Missing(name)

    def __str__(self) -> str:
        return self._response.text


class Opaque:
    """A secret or a connection inside a template: it can be handed on whole and nothing else."""

    __slots__ = ("_value",)

    def __init__(self, value: Secret | ConnectionValue) -> None:
        self._value = value

    def part(self, name: Any) -> Any:
        is_name = name == "name" and isinstance(self._value, ConnectionValue)
        return str(self._value) if is_name else Missing(name)

    def __str__(self) -> str:
        return text_of(self)


class Missing:
    """What is not there. It can be tested and replaced by a default; every other use is an error."""

    __slots__ = ("_name",)

    def __init__(self, name: Any) -> None:
        self._name = name

    def error(self) -> KeyError:
        return KeyError(self._name)

    def __str__(self) -> str:
        raise self.error()


def guard(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as templates call it: within the time, and never with something that is missing."""

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        budget.tick()
        for value in (*args, *kwargs.values()):
            if type(value) is Missing:
                raise value.error()
        return function(*args, **kwargs)

    return called


def to_view(value: Any) -> Any:
    """A value of the scope as a template may see it."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Response():
            return ResponseView(value)
        case Secret() | ConnectionValue():
            return Opaque(value)
        case Mapping():
            return {str(key): to_view(inner) for key, inner in value.items()}
        case list() | tuple():
            return [to_view(inner) for inner in value]
        case _:
            return as_text(value)


def from_view(value: Any) -> Any:
    """The way back: what a template returned, as a value of the scope."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case ResponseView():
            return value._response
        case Opaque():
            return value._value
        case Missing():
            raise value.error()
        case Mapping():
            return {str(key): from_view(inner) for key, inner in value.items()}
        case list() | tuple():
            return [from_view(inner) for inner in value]
        case _:
            raise ValueError("This is not a value that can be used.")


def text_of(value: Any) -> str:
    """The value inside a text. Raises SecretInText, TooLarge."""
    match value:
        case str():
            return value
        case ResponseView():
            return value._response.text
        case Opaque(_value=ConnectionValue() as connection):
            return connection.name
        case Opaque():
            raise SecretInText
        case list() | tuple() | Mapping():
            return to_json(value)
        case _:
            return as_text(from_view(value))


def to_json(value: Any, indent: int | None = None) -> str:
    size = measure(value)
    # The deepest value has its blanks on every line.
    if indent:
        budget.refuse(size * indent * DEEPEST // PART)
    refuse_secrets(value)
    return charge_text(json.dumps(display_json(from_view(value)), ensure_ascii=False, indent=indent))


def refuse_secrets(value: Any) -> None:
    if isinstance(value, Opaque) and isinstance(value._value, Secret):
        raise SecretInText
    if isinstance(value, Mapping):
        for inner in value.values():
            refuse_secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            refuse_secrets(inner)


def charge_text(text: str) -> str:
    budget.spend(len(text))
    return text


def charge_list(items: list[Any]) -> list[Any]:
    budget.spend(measure(items))
    return items


def measure(value: Any, so_far: int = 0, depth: int = 0) -> int:
    """The size of a value with all it holds. Raises TooLarge as soon as it is known to be."""
    so_far += len(value) if isinstance(value, str) else PART
    budget.refuse(so_far)
    if depth > DEEPEST:
        raise ValueError("The value is nested too deeply.")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            so_far = measure(inner, so_far + len(str(key)), depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            so_far = measure(inner, so_far, depth + 1)
    return so_far


# Operations that the sandbox writes into templates


def part(value: Any, key: Any) -> Any:
    """`value.key` and `value[key]`: data only, nothing of Python."""
    if isinstance(value, ResponseView | Opaque):
        return value.part(key)
    if isinstance(value, Mapping):
        return value.get(key, Missing(key)) if isinstance(key, str) else Missing(key)
    if isinstance(value, list | tuple | str) and isinstance(key, int):
        return value[key] if -len(value) <= key < len(value) else Missing(key)
    return Missing(key)


def operand(value: Any) -> Any:
    """A value for an operation of MiniJinja's own: a response counts as its text."""
    value = value._response.text if isinstance(value, ResponseView) else value
    if isinstance(value, str):
        budget.work_on(len(value))
    return value


def charge(value: Any) -> Any:
    """A value that is kept beside others; what it holds counts."""
    budget.spend(measure(value))
    return value


def tick() -> None:
    """Does nothing but look at the clock."""


def is_in(value: Any, container: Any) -> bool:
    """The test `in`: select and reject apply it to every item, so the clock is looked at each time."""
    if not isinstance(container, list | tuple | Mapping | str | ResponseView):
        raise ValueError(f"in looks into a list, an object or a text, not {kind_of(container)}.")
    return operand(value) in operand(container)


def is_defined(value: Any) -> bool:
    return not isinstance(value, Missing)


def default(value: Any, instead: Any = "", also_empty: bool = False) -> Any:
    """`also_empty` replaces whatever counts as false, too."""
    absent = isinstance(value, Missing) or (also_empty and not operand(value))
    return instead if absent else value


def add(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return check_number(left + right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return charge_list([*left, *right])
    if isinstance(left, str | ResponseView) and isinstance(right, str | ResponseView):
        return concatenate(left, right)
    raise ValueError(
        f"+ takes two numbers, two texts or two lists, not {kind_of(left)} and {kind_of(right)};"
        " ~ joins anything as text."
    )


def multiply(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return check_number(left * right)
    raise ValueError(f"* takes two numbers, not {kind_of(left)} and {kind_of(right)}.")


def power(left: Any, right: Any) -> Any:
    if not (is_number(left) and is_number(right)):
        raise ValueError("** takes two numbers.")
    if abs(right) > 64 or abs(left) > 10**15:
        raise ValueError("The power would be too large.")
    result = left**right
    if isinstance(result, complex):
        raise ValueError("The power is not a real number.")
    return check_number(result)


def concatenate(*parts: Any) -> str:
    texts = [text_of(piece) for piece in parts]
    budget.refuse(sum(map(len, texts)))
    return charge_text("".join(texts))


def make_list(*items: Any) -> list[Any]:
    return charge_list(list(items))


def make_object(*parts: Any) -> dict[str, Any]:
    made = {text_of(key): value for key, value in zip(parts[::2], parts[1::2], strict=True)}
    budget.spend(measure(made))
    return made


def make_range(*args: Any) -> list[int]:
    made = range(*(int(argument) for argument in args))
    if len(made) > MOST_ITEMS:
        raise ValueError(f"range() gives at most {MOST_ITEMS:,} numbers.")
    return list(made)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_number(value: Any) -> Any:
    if abs(value) > 10**300 or (isinstance(value, int) and value.bit_length() > 120):
        raise ValueError("The number would be too large.")
    return value


def as_list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, str | ResponseView):
        text = text_of(value)
        budget.refuse(len(text) * PART)
        return list(text)
    if isinstance(value, Iterable):
        return list(value)
    raise ValueError(f"It takes a list, not {kind_of(value)}.")


def kind_of(value: Any) -> str:
    names = {str: "a text", bool: "true or false", list: "a list", dict: "an object", ResponseView: "a text"}
    return names.get(type(value), "a number" if is_number(value) else "nothing" if value is None else "this")


OPERATIONS: dict[str, Callable[..., Any]] = {
    "_part": guard(part),
    "_operand": guard(operand),
    "_kept": guard(charge),
    "_tick": guard(tick),
    "_defined": is_defined,
    "_default": default,
    "_add": guard(add),
    "_multiply": guard(multiply),
    "_power": guard(power),
    "_concatenate": guard(concatenate),
    "_list": guard(make_list),
    "_object": guard(make_object),
    "range": guard(make_range),
}


TESTS: dict[str, Callable[..., bool]] = {
    "in": guard(is_in),
    "containing": guard(lambda container, value: is_in(value, container)),
}


def emit(value: Any) -> str:
    """What a template writes. Counts against the size of the output."""
    text = text_of(value)
    budget.write(len(text))
    return text
