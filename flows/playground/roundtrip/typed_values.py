"""Turns the variables of a run into texts that stand for the same when they are typed into a session."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connections.secret import Secret
from flows.language.scope import Scope
from flows.language.values import VISIBLE, ConnectionValue, Response, as_text, display_json
from flows.playground.variables import INPUTS, names_in, optional_in, variables_in

LONGEST = 200_000  # characters of one value, as a field takes them
LARGEST_WHOLE = 2.0**63
OF_AGENTS = "conversation"  # a part of no answer to a prompt, and a common name of a variable
PART = re.compile(rf"\b({'|'.join(name for name in VISIBLE if name != OF_AGENTS)})\b")
UNKNOWN = object()


@dataclass(frozen=True)
class TypedValues:
    """`texts` are the ways to type each variable, the likeliest first; the other names have no text, and why."""

    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    secret: Sequence[str] = ()
    unknown: Sequence[str] = ()
    long: Sequence[str] = ()


def typed_values(templates: Sequence[str], scope: Scope) -> TypedValues:
    """For every variable that the templates name."""
    texts: dict[str, Sequence[str]] = {}
    secret, unknown, long = [], [], []
    writer = ValueWriter.for_templates(templates)
    alone: set[str] = set().union(*map(names_in, templates))
    needed = variables_in(templates)
    for name, inside in {**needed, **optional_in(templates)}.items():
        value = value_of(name, scope, alone=name in alone)
        if value is UNKNOWN:
            unknown += [name] * (name in needed)
            continue
        if holds_secret(value):
            secret.append(name)
        if isinstance(value, Secret):
            continue
        ways = writer.ways_to_type(value, inside)
        if max(map(len, ways)) > LONGEST:
            long.append(name)
        else:
            texts[name] = ways
    return TypedValues(texts, secret, unknown, long)


def value_of(name: str, scope: Scope, *, alone: bool) -> Any:
    """That of the variable, or what the run was started with where it is read as a part of `inputs` only."""
    if not alone:
        given = scope.get(INPUTS)
        return given.get(name, UNKNOWN) if isinstance(given, Mapping) else UNKNOWN
    found = scope.find(name)
    return found.value if found else UNKNOWN


def holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(holds_secret, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_secret, value))
    return isinstance(value, Secret)


@dataclass(frozen=True)
class ValueWriter:
    """How values become texts, as far as the templates that read them matter."""

    names_part: bool  # a template does, of an answer
    names_raw: bool

    @classmethod
    def for_templates(cls, templates: Sequence[str]) -> ValueWriter:
        named = {match[1] for template in templates for match in PART.finditer(template)}
        return cls(bool(named), "raw" in named)

    def ways_to_type(self, value: Any, inside: bool) -> list[str]:
        """The likeliest first: which one is meant, only the templates know."""
        ways = [*self.likely(value, inside)]
        if not value:
            ways.append("")  # which counts as false, as the value does
        return list(dict.fromkeys(ways))

    def likely(self, value: Any, inside: bool) -> Iterator[str]:
        match value:
            case str():
                yield value
            case Response():
                both = [value.text, self.json(value, whole=True)]
                yield from both[::-1] if inside else both
            case ConnectionValue():
                yield json.dumps({"name": value.name}) if inside else value.name
            case Mapping() | list() | tuple():
                both = [self.json(value, whole=False), self.json(value, whole=True)]
                yield from both[::-1] if self.names_part else both
                if not holds_secret(value):
                    yield as_text(value)
            case _:
                yield as_text(without_fraction(value))
                yield as_text(value)

    def json(self, value: Any, *, whole: bool) -> str:
        return json.dumps(self.plain(value, whole), ensure_ascii=False)

    def plain(self, value: Any, whole: bool) -> Any:
        """As JSON, without secrets; an answer `whole` or as its text."""
        match value:
            case Secret():
                return ""
            case Response():
                raw = {"raw": display_json(value.raw)} if self.names_raw else {}
                return {**display_json(value), **raw} if whole else value.text
            case Mapping():
                return {str(key): self.plain(inner, whole) for key, inner in value.items()}
            case list() | tuple():
                return [self.plain(inner, whole) for inner in value]
        return display_json(without_fraction(value))


def without_fraction(value: Any) -> Any:
    """A number as templates print it among other text: 2 for 2.0."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE else value
