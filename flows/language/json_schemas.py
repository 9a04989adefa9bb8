"""Validates JSON by a JSON Schema (2020-12), with nothing fetched and the work counted.

A schema can ask for work that doubles with each of its lines, and jsonschema does it all. So every keyword is charged
before it is tried; and expressions, for which jsonschema takes Python's own engine, go through RE2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NoReturn

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, UnknownType, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from flows.language.regex import MOST_WORK, PatternError, compile_pattern

LONGEST_SCHEMA, LONGEST_TEXT = 20_000, 1_000_000  # characters of JSON
DEEPEST = 100  # lists and objects inside each other
MOST_STEPS = 30_000  # of about 20 microseconds
ITEMS_A_STEP, CHARACTERS_A_STEP, PAIRS_A_STEP, WORK_A_STEP = 8, 500, 200, MOST_WORK // MOST_STEPS
LONGEST_MESSAGE = 200
MOST_PROBLEMS = 10  # of one value that are told
CHARACTERS_OF_A_NUMBER = 6  # about

Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class NotJson(ValueError):
    """The text is not JSON."""


class SchemaProblem(ValueError):
    """The schema cannot be used; the message is a sentence."""


class Undecided(Exception):
    """Nobody knows whether a value fits; the message is a sentence."""


class TooMuchWork(Exception):
    """The steps are used up."""


@dataclass(frozen=True)
class Schema:
    _validator: Any

    def problem(self, value: Any) -> str | None:
        """The first thing that does not fit, as a sentence; None when all does. Raises Undecided."""
        return next(iter(self.problems(value, most=1)), None)

    def problems(self, value: Any, most: int = MOST_PROBLEMS) -> list[str]:
        """What does not fit, each thing as a sentence that says where. Raises Undecided."""
        token = BUDGET.set(SchemaStepBudget(value))
        try:
            errors = list(islice(self._validator.iter_errors(value), most))
        except (TooMuchWork, RecursionError):
            raise Undecided("The schema is too much work for this value. Simplify it.") from None
        except Unresolvable:
            raise Undecided("The schema refers to a part of itself that is not there.") from None
        except (UnknownType, ArithmeticError, LookupError, TypeError, ValueError):
            raise Undecided("The schema asks for something that cannot be computed for this value.") from None
        finally:
            BUDGET.reset(token)
        return list(map(error_sentence, errors))


def parse_json(text: str) -> Any:
    """The value of strict JSON. Raises NotJson."""
    if len(text) > LONGEST_TEXT:
        raise NotJson
    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise NotJson from None
    return value


def refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and infinities are Python's own


def schema_of(raw: Any) -> Schema:
    """The schema in an object or in its JSON. Raises SchemaProblem."""
    if isinstance(raw, str):
        try:
            raw = parse_json(raw)
        except NotJson:
            raise SchemaProblem("The schema is not JSON.") from None
    if not isinstance(raw, dict | bool):
        raise SchemaProblem("The schema is not a JSON object.")
    try:
        text = json.dumps(raw, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise SchemaProblem("The schema is not JSON, or nested too deeply.") from None
    return compile_schema(text)


@lru_cache(maxsize=32)
def compile_schema(text: str) -> Schema:
    if len(text) > LONGEST_SCHEMA:
        raise SchemaProblem(f"The schema is longer than {LONGEST_SCHEMA:,} characters. Shorten it.")
    raw = json.loads(text)
    if isinstance(raw, dict):
        raw.pop("$schema", None)  # it would choose another validator, with nothing bounded
    try:
        Draft202012Validator.check_schema(raw, format_checker=FormatChecker(()))
        refuse_unsupported(list(subschemas(raw)))
    except SchemaError as error:
        raise SchemaProblem(f"The schema is not valid. {error_sentence(error)}") from None
    except PatternError as error:
        raise SchemaProblem(f"A pattern of the schema: {error}") from None
    except RecursionError:
        raise SchemaProblem("The schema is nested too deeply.") from None
    return Schema(BoundedValidator(raw, registry=Registry()))


def subschemas(raw: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of the schema."""
    if isinstance(raw, dict):
        yield raw
    for inside in raw.values() if isinstance(raw, dict) else raw if isinstance(raw, list) else ():
        yield from subschemas(inside)


def refuse_unsupported(every: Iterable[Mapping[str, Any]]) -> None:
    """Raises SchemaProblem for what JSON Schema allows and is not supported here."""
    names: set[str] = set()
    for part in every:
        names.update(part)
        if isinstance(part.get("$schema"), str):
            raise SchemaProblem("The schema has $schema inside. Only the outermost object may say it.")
        for reference in (part.get("$ref"), part.get("$dynamicRef")):
            if isinstance(reference, str) and not reference.startswith("#"):
                raise SchemaProblem(f"The schema refers to {reference[:60]}. Nothing is fetched: copy it into $defs.")
        expressions = part.get("patternProperties")
        for expression in (part.get("pattern"), *(expressions if isinstance(expressions, dict) else ())):
            if isinstance(expression, str):
                compile_pattern(expression)
    if {"unevaluatedProperties", "patternProperties"} <= names:  # their combination would take Python's engine
        raise SchemaProblem("unevaluatedProperties beside patternProperties is not checked. Use additionalProperties.")


def error_sentence(error: ValidationError | SchemaError) -> str:
    where = error.json_path.removeprefix("$").removeprefix(".")
    return f"At {clip(where)}: {clip(error.message)}." if where else f"{clip(error.message)}."


def clip(text: str) -> str:
    """A message begins with the value and ends with what is wrong with it."""
    half = LONGEST_MESSAGE // 2
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:half]}…{text[-half:]}"


class SchemaStepBudget:
    """How much work may still be done for one value."""

    def __init__(self, value: Any) -> None:
        self._left = MOST_STEPS
        self._sizes: dict[int, int] = {}  # of its parts, by identity: a message quotes the part as a whole
        self._measure(value, 0)

    def _measure(self, value: Any, depth: int) -> int:
        if depth > DEEPEST:
            raise Undecided(f"The value is nested deeper than {DEEPEST} levels.")
        if isinstance(value, dict):
            size = sum(len(name) + self._measure(item, depth + 1) for name, item in value.items())
        elif isinstance(value, list):
            size = sum(self._measure(item, depth + 1) for item in value)
        else:
            return len(value) if isinstance(value, str) else CHARACTERS_OF_A_NUMBER
        self._sizes[id(value)] = size
        return size

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooMuchWork

    def charge_keyword(self, wanted: Any, instance: Any) -> None:
        items = len(wanted) if isinstance(wanted, dict | list) else 0
        size = len(instance) if isinstance(instance, str) else self._sizes.get(id(instance), 0)
        self.spend(1 + items // ITEMS_A_STEP + size // CHARACTERS_A_STEP)


BUDGET: ContextVar[SchemaStepBudget] = ContextVar("budget")


def with_charge(original: Keyword) -> Keyword:
    def keyword(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        BUDGET.get().charge_keyword(wanted, instance)
        yield from original(validator, wanted, instance, schema) or ()

    return keyword


def matches(expression: str, text: str) -> bool:
    found = compile_pattern(expression)
    BUDGET.get().spend(1 + found.work(text) // WORK_A_STEP)
    return found.search(text) is not None


def pattern_keyword(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not matches(wanted, instance):
        yield ValidationError(f"{instance!r} does not match {wanted!r}")


def pattern_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for expression, subschema in wanted.items():
            for name, value in instance.items():
                if matches(expression, name):
                    yield from validator.descend(value, subschema, path=name, schema_path=expression)


def additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for name in (name for name in instance if name not in schema.get("properties", {})):
        if any(matches(expression, name) for expression in schema.get("patternProperties", {})):
            continue
        if wanted is False:
            yield ValidationError(f"{name!r} is not expected")
        else:
            yield from validator.descend(instance[name], wanted, path=name)


def unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, list):  # what cannot be sorted is compared pair by pair
        BUDGET.get().spend(len(instance) ** 2 // PAIRS_A_STEP)
    yield from Draft202012Validator.VALIDATORS["uniqueItems"](validator, wanted, instance, schema) or ()


OWN_KEYWORDS: dict[str, Keyword] = {
    "pattern": pattern_keyword,
    "patternProperties": pattern_properties,
    "additionalProperties": additional_properties,
    "uniqueItems": unique_items,
}
BoundedValidator = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {name: with_charge(keyword) for name, keyword in {**Draft202012Validator.VALIDATORS, **OWN_KEYWORDS}.items()},
)
