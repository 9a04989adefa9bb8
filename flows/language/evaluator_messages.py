"""What travels between this process and an evaluator: plain data, with secrets left at home.

A secret, a connection or a response travels as its place in a list that stays here; what comes back by that place
is the very object. Nothing else than plain data is read at either end.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, SimpleNamespace
from typing import Any, NoReturn, cast

from connections.foundry.values import Target
from connections.secret import Secret
from flows.language.sandbox.rewrite import CompiledTemplate
from flows.language.values import ConnectionValue, Response, as_text

LARGEST = 64 * 1024 * 1024  # bytes
OUT_OF_MEMORY = 3  # exit status of a process that could not even say so
PLAIN = frozenset({NoneType, bool, int, float, str, list, tuple, dict})


@dataclass(frozen=True)
class EvaluationTask:
    """A template and the values of the variables that it reads."""

    template: CompiledTemplate
    values: Mapping[str, Any]


@dataclass(frozen=True)
class EvaluationFailure:
    """Why there is no value: `said` is for people, or the name of what is missing."""

    kind: str
    said: str


@dataclass(frozen=True)
class EvaluationResult:
    """A value or a failure, and the processor time that it took."""

    value: Any = None
    failure: EvaluationFailure | None = None
    seconds: float = 0.0


class MessageTooLarge(ValueError):
    """It is larger than what travels."""


class BoundedBuffer(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + len(data) > LARGEST:
            raise MessageTooLarge
        return super().write(data)


class TaskPickler(pickle.Pickler):
    """Asks for every object, in Python, so that other threads get their turn however large a value is."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.kept: list[Any] = []

    def persistent_id(self, value: Any) -> Any:
        if type(value) in PLAIN:
            return None
        match value:
            case Secret():
                return self._keep(value, "secret")
            case ConnectionValue():
                return self._keep(value, "connection", value.name, value.target.endpoint.host, value.target.customer)
            case Response():
                return self._keep(value, "response", *value.parts)
            case str():
                return 0, "plain", str(value)
            case bool() | int():
                return 0, "plain", int(value)
            case float():
                return 0, "plain", float(value)
            case Mapping():
                return 0, "plain", dict(value)
            case list() | tuple():
                return 0, "plain", list(value)
        return 0, "plain", as_text(value)

    def _keep(self, value: Any, kind: str, *seen: Any) -> tuple[Any, ...]:
        self.kept.append(value)
        return (len(self.kept) - 1, kind, *seen)


class PlainUnpickler(pickle.Unpickler):
    """Reads data and nothing that would have to be imported."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError("Only plain data is read.")


class TaskUnpickler(PlainUnpickler):
    """Reads what a Sender wrote: something to hand on in place of what stayed at home."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.places: dict[int, tuple[int, Any]] = {}  # by identity, with the object so that it lives as long

    def persistent_load(self, sent: Any) -> Any:
        place, kind, *seen = sent
        if kind == "plain":
            return seen[0]
        made: Any = Secret("")
        if kind == "connection":
            name, host, customer = seen
            target = SimpleNamespace(endpoint=SimpleNamespace(host=host), customer=customer)
            made = ConnectionValue(name, cast(Target, target))
        elif kind == "response":
            made = Response(*seen)
        self.places[id(made)] = (place, made)
        return made


class ResultPickler(pickle.Pickler):
    """Writes a result, with the places of what it holds of the other side."""

    def __init__(self, file: io.BytesIO, places: Mapping[int, tuple[int, Any]]) -> None:
        super().__init__(file, protocol=5)
        self._places = places

    def persistent_id(self, value: Any) -> Any:
        if type(value) in PLAIN or id(value) not in self._places:
            return None
        return self._places[id(value)][0]


class ResultUnpickler(PlainUnpickler):
    """Reads a result, with the objects that had stayed here."""

    def __init__(self, file: io.BytesIO, kept: list[Any]) -> None:
        super().__init__(file)
        self._kept = kept

    def persistent_load(self, place: Any) -> Any:
        return self._kept[place]


def pack_task(task: EvaluationTask) -> tuple[bytes, list[Any]]:
    """The task as bytes, and what stays here. Raises TooMuch, RecursionError."""
    file, template = BoundedBuffer(), task.template
    sender = TaskPickler(file)
    named = (template.source, template.expression, template.variable, template.literals)
    sender.dump((*named, list(template.names), list(template.guarded), dict(task.values)))
    return file.getvalue(), sender.kept


def unpack_task(data: bytes) -> tuple[EvaluationTask, Mapping[int, tuple[int, Any]]]:
    reader = TaskUnpickler(io.BytesIO(data))
    source, expression, variable, literals, names, guarded, values = reader.load()
    template = CompiledTemplate(source, expression, variable, literals, frozenset(names), frozenset(guarded))
    return EvaluationTask(template, values), reader.places


def pack_result(outcome: EvaluationResult, places: Mapping[int, tuple[int, Any]]) -> bytes:
    file = io.BytesIO()
    failure = outcome.failure
    said = (failure.kind, failure.said) if failure else None
    ResultPickler(file, places).dump((outcome.value, said, outcome.seconds))
    return file.getvalue()


def unpack_result(data: bytes, kept: list[Any]) -> EvaluationResult:
    value, failure, seconds = ResultUnpickler(io.BytesIO(data), kept).load()
    return EvaluationResult(value, EvaluationFailure(*failure) if failure else None, seconds)
