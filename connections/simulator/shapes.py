"""Shapes of JSON values, and the refusal in the words of the service when a value has another one.

A Check takes a value and its path (`messages[0].role`) and returns a refusal or None. An optional field may be null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connections.simulator.refusals import SimulatedRefusal, invalid_parameter

Check = Callable[[Any, str], SimulatedRefusal | None]
Fields = Mapping[str, Check]

TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a decimal"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
    (type(None), "null"),
)


def type_name(value: Any) -> str:
    return next(name for kind, name in TYPES if isinstance(value, kind))


def wrong_type(path: str, expected: str, value: Any) -> SimulatedRefusal:
    message = f"Invalid type for '{path}': expected {expected}, but got {type_name(value)} instead."
    return invalid_parameter("invalid_type", message, path)


def missing(path: str) -> SimulatedRefusal:
    return invalid_parameter("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def unknown(path: str) -> SimulatedRefusal:
    return invalid_parameter("unknown_parameter", f"Unknown parameter: '{path}'.", path)


def anything(value: Any, path: str) -> SimulatedRefusal | None:
    return None


def boolean(value: Any, path: str) -> SimulatedRefusal | None:
    return None if isinstance(value, bool) else wrong_type(path, "a boolean", value)


def text(most: int | None = None) -> Check:
    def check(value: Any, path: str) -> SimulatedRefusal | None:
        if not isinstance(value, str):
            return wrong_type(path, "a string", value)
        if most is not None and len(value) > most:
            message = (
                f"Invalid '{path}': string too long. Expected a string with maximum length {most}, "
                f"but got a string with length {len(value)} instead."
            )
            return invalid_parameter("string_above_max_length", message, path)
        return None

    return check


def number(least: float | None = None, most: float | None = None, kind: str = "decimal") -> Check:
    takes = int if kind == "integer" else (int, float)

    def check(value: Any, path: str) -> SimulatedRefusal | None:
        if isinstance(value, bool) or not isinstance(value, takes):
            return wrong_type(path, "an integer" if kind == "integer" else "a decimal", value)
        for bound, beyond, word, sign in (
            (least, least is not None and value < least, "below minimum", ">="),
            (most, most is not None and value > most, "above maximum", "<="),
        ):
            if beyond:
                message = (
                    f"Invalid '{path}': {kind} {word} value. Expected a value {sign} {bound}, but got {value} instead."
                )
                return invalid_parameter(f"{kind}_{word.replace('imum', '').replace(' ', '_')}_value", message, path)
        return None

    return check


def integer(least: float | None = None, most: float | None = None) -> Check:
    return number(least, most, "integer")


def one_of(*values: str) -> Check:
    def check(value: Any, path: str) -> SimulatedRefusal | None:
        if not isinstance(value, str):
            return wrong_type(path, "a string", value)
        if value not in values:
            listed = ", ".join(f"'{known}'" for known in values)
            return invalid_parameter(
                "invalid_value", f"Invalid value: '{value}'. Supported values are: {listed}.", path
            )
        return None

    return check


def array(item: Check, most: int | None = None, least: int = 0) -> Check:
    def check(value: Any, path: str) -> SimulatedRefusal | None:
        if not isinstance(value, list):
            return wrong_type(path, "an array", value)
        if len(value) < least:
            message = f"Invalid '{path}': empty array. Expected an array with minimum length {least}."
            return invalid_parameter("empty_array", message, path)
        if most is not None and len(value) > most:
            message = (
                f"Invalid '{path}': array too long. Expected an array with maximum length {most}, "
                f"but got an array with length {len(value)} instead."
            )
            return invalid_parameter("array_above_max_length", message, path)
        return first_refusal(item(entry, f"{path}[{at}]") for at, entry in enumerate(value))

    return check


def mapping(value: Check, most: int | None = None) -> Check:
    """An object whose names are free."""

    def check(given: Any, path: str) -> SimulatedRefusal | None:
        if not isinstance(given, dict):
            return wrong_type(path, "an object", given)
        if most is not None and len(given) > most:
            message = f"Invalid '{path}': too many properties. Expected at most {most}, but got {len(given)}."
            return invalid_parameter("object_above_max_properties", message, path)
        return first_refusal(value(entry, f"{path}.{name}") for name, entry in given.items())

    return check


def record(fields: Fields, required: tuple[str, ...] = (), closed: bool = True) -> Check:
    """An object with known fields. What is missing is told before what is too much."""

    def check(value: Any, path: str) -> SimulatedRefusal | None:
        if not isinstance(value, dict):
            return wrong_type(path, "an object", value)
        before = f"{path}." if path else ""
        for name in required:
            if value.get(name) is None:
                return missing(before + name)
        for name, entry in value.items():
            if name not in fields:
                if closed:
                    return unknown(before + name)
            elif entry is not None and (refusal := fields[name](entry, before + name)):
                return refusal
        return None

    return check


def either(expected: str, **checks: Check) -> Check:
    """By type of the value: str, list, dict. `expected` says all of it."""

    def check(value: Any, path: str) -> SimulatedRefusal | None:
        found = checks.get(type(value).__name__)
        return found(value, path) if found else wrong_type(path, expected, value)

    return check


def tagged(tag: str, kinds: Mapping[str, Check]) -> Check:
    """An object whose field `tag` says which one it is."""

    def check(value: Any, path: str) -> SimulatedRefusal | None:
        if not isinstance(value, dict):
            return wrong_type(path, "an object", value)
        if value.get(tag) is None:
            return missing(f"{path}.{tag}")
        return one_of(*kinds)(value[tag], f"{path}.{tag}") or kinds[value[tag]](value, path)

    return check


def first_refusal(found: Any) -> SimulatedRefusal | None:
    return next((refusal for refusal in found if refusal), None)
