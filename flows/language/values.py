"""The values that flow through a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Any

from connections.secret import MASK, Secret
from flows.language.files import to_file
from foundryflow.strict_json import JsonError, read_json

if TYPE_CHECKING:
    from connections.foundry.values import Target


class VariableType(StrEnum):
    TEXT = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    LIST = auto()
    OBJECT = auto()
    SECRET = auto()
    CONNECTION = auto()
    FILE = auto()


VARIABLE_TYPES = tuple(type.value for type in VariableType)


@dataclass(frozen=True)
class ConnectionValue:
    """A connection made at run time. Shows its name, never its key."""

    name: str
    target: Target

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Response:
    """The answer of a chat completion: as text it is the text, its parts are there by name."""

    text: str
    usage: Mapping[str, Any] = field(default_factory=dict)
    finish_reason: str | None = None
    model: str | None = None
    json: Any = None  # parsed, when the response format asked for JSON
    raw: Any = None
    conversation: str | None = None  # id of what an agent keeps of it
    reasoning: str | None = None  # thoughts of the model, or their summary
    logprobs: Any = None  # how likely each token was, when that was asked for

    def __str__(self) -> str:
        return self.text

    @property
    def parts(self) -> tuple[Any, ...]:
        """All that it is made of, in the order it is made of them; what is newer than `raw` only where it is set."""
        made = [getattr(self, each.name) for each in fields(self)]
        while len(made) > ALWAYS_PARTS and made[-1] is None:
            made.pop()
        return tuple(made)


ALWAYS_PARTS = 6  # of a response: up to `raw`
TRUE, FALSE = ("true", "yes", "1", "on"), ("false", "no", "0", "off", "")
VISIBLE = ("text", "usage", "finish_reason", "model", "json", "raw", "conversation", "reasoning", "logprobs")
SHOWN_WHERE_SET = ("json", "conversation", "reasoning", "logprobs")


WEIGHT_OF_PART = 300  # against one for a character
WITHOUT_PARTS = frozenset({int, float, bool, type(None)})


def weight(value: Any, most: int, of_part: int = WEIGHT_OF_PART) -> int:
    """What copying a value costs: its characters, and much more for each of its parts. Counts up to `most`."""
    found, left = 0, [value]
    while left and found < most:
        one = left.pop()
        found += of_part
        kind = type(one)
        # Asked for every result of every action: what is most frequent comes first, and no abstract class.
        if kind is str:
            found += len(one)
        elif kind in WITHOUT_PARTS:
            pass
        elif kind is Response:
            left += (one.text, one.usage, one.json, one.raw, one.reasoning, one.logprobs)
        elif kind is dict or isinstance(one, Mapping):
            if len(one) * of_part >= most:
                return most
            found += sum([len(key) for key in one if isinstance(key, str)])
            left += one.values()
        elif isinstance(one, list | tuple):
            if len(one) * of_part >= most:
                return most
            left += one
        elif isinstance(one, str):
            found += len(one)
    return found


def secrets_in(value: Any) -> Iterator[Secret]:
    """Every secret that the value holds, those of connections included."""
    match value:
        case Secret():
            yield value
        case ConnectionValue():
            yield from value.target.secrets
        case Response():
            yield from secrets_in((value.json, value.raw))
        case Mapping():
            for inner in value.values():
                yield from secrets_in(inner)
        case list() | tuple():
            for inner in value:
                yield from secrets_in(inner)


def holds_secret(value: Any) -> bool:
    """Whether a secret is in it that must not become text; a connection may, as its name."""
    match value:
        case Secret():
            return True
        case Response():
            return holds_secret((value.json, value.raw))
        case Mapping():
            return any(map(holds_secret, value.values()))
        case list() | tuple():
            return any(map(holds_secret, value))
    return False


def display_json(value: Any) -> Any:
    """The value as JSON, as people may see it: secrets masked, responses and connections as objects."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)  # JSON knows no such number
        case None | bool() | int() | float():
            return value
        case str():
            return storable_text(value)
        case Secret():
            return MASK
        case ConnectionValue():
            return shown_connection(value)
        case Response():
            unset = [name for name in SHOWN_WHERE_SET if getattr(value, name) is None]
            return {name: display_json(getattr(value, name)) for name in VISIBLE if name not in ("raw", *unset)}
        case Mapping():
            return {storable_text(str(key)): display_json(inner) for key, inner in value.items()}
        case list() | tuple():
            return [display_json(inner) for inner in value]
        case _:
            return storable_text(str(value))


def shown_connection(value: ConnectionValue) -> dict[str, Any]:
    target = value.target
    shown = {"connection": value.name, "host": target.endpoint.host}
    return {**shown, "customer": storable_text(target.customer)} if target.customer else shown


def storable_text(text: str) -> str:
    """With U+FFFD for what not every database takes: NUL, and halves of surrogate pairs."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")


def as_text(value: Any) -> str:
    """The value inside a text. Lists and objects become JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | Mapping):
        return json.dumps(display_json(value), ensure_ascii=False)
    return str(value)


def convert(value: Any, type: str) -> Any:
    """The value as this type of variable. Raises ValueError with a sentence when it cannot be."""
    if value is None:
        return None
    match type:
        case VariableType.TEXT:
            if isinstance(value, Secret):
                raise ValueError("is a secret; declare the variable as secret")
            return as_text(value) if not isinstance(value, Response) else value
        case VariableType.NUMBER:
            return to_number(value)
        case VariableType.BOOLEAN:
            return to_boolean(value)
        case VariableType.LIST:
            return to_json(value, list, "a list")
        case VariableType.OBJECT:
            return value if isinstance(value, Response) else to_json(value, dict, "an object")
        case VariableType.SECRET:
            return value if isinstance(value, Secret) else Secret(as_text(value))
        case VariableType.CONNECTION:
            if isinstance(value, ConnectionValue):
                return value
            raise ValueError("is not a connection; Create Azure AI connection makes one")
        case VariableType.FILE:
            return to_file(value)
        case _:
            raise ValueError(f"has the unknown type {type}")


def to_number(value: Any) -> int | float:
    if isinstance(value, bool):
        raise ValueError("is not a number")
    if isinstance(value, int):
        return value
    try:
        number = float(str(value).strip())
    except ValueError:
        raise ValueError(f"is not a number: {str(value)[:40]!r}") from None
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    plain = "" if isinstance(value, float) else str(value).strip()
    return int(plain) if plain.lstrip("+-").isdecimal() and len(plain) < 20 else number


def to_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in (*TRUE, *FALSE):
        raise ValueError(f"is neither true nor false: {str(value)[:40]!r}")
    return word in TRUE


def to_json(value: Any, wanted: type, words: str) -> Any:
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, Response):
        value = value.json if value.json is not None else value.text
    if isinstance(value, str):
        try:
            value = read_json(value)
        except JsonError as error:
            raise ValueError(f"is not {words}" if error.line else error.what) from None
    if isinstance(value, Mapping) and wanted is dict:
        return dict(value)
    if not isinstance(value, wanted):
        raise ValueError(f"is not {words}")
    return value


@dataclass(frozen=True)
class Declared:
    """A variable that an action declares in its block, or in the flow when `global_`."""

    name: str
    type: str
    value: Any
    global_: bool = False
