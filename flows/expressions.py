"""Templates and conditions, and the scope they read: Jinja's syntax, evaluated by MiniJinja in bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import minijinja

from connections.secret import Secret
from flows import bounded
from flows.sandbox import Compiled, Refused, compiled
from flows.values import convert

FUEL = 200_000  # instructions of one evaluation


class ExpressionError(ValueError):
    """A template or condition cannot be read or evaluated; the message is for people."""


@dataclass
class Variable:
    type: str
    value: Any


@dataclass
class Scope:
    """The variables of a block and of the blocks around it."""

    outer: Scope | None = None
    variables: dict[str, Variable] = field(default_factory=dict)

    def child(self) -> Scope:
        return Scope(outer=self)

    def declare(self, name: str, type: str, value: Any, *, global_: bool = False) -> None:
        """A variable of this block, or of the flow. Raises ValueError when the value does not fit the type."""
        place = self.root() if global_ else self
        place.variables[name] = Variable(type, convert(value, type))

    def assign(self, name: str, value: Any) -> None:
        """Another value for a variable in scope. Raises KeyError, or ValueError when it does not fit the type."""
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        found.value = convert(value, found.type)

    def bind(self, name: str, value: Any) -> None:
        """A variable of this block, of whatever type, that hides one of the same name around it."""
        self.variables[name] = Variable("", value)

    def put(self, name: str, value: Any) -> None:
        """The result of an action: assigns the variable if it is there, else makes one of whatever type."""
        found = self.find(name)
        if found is not None:
            found.value = value
        else:
            self.bind(name, value)

    def find(self, name: str) -> Variable | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.outer
        return None

    def get(self, name: str) -> Any:
        found = self.find(name)
        return found.value if found else None

    def root(self) -> Scope:
        return self.outer.root() if self.outer else self

    def names(self) -> set[str]:
        return set(self.variables) | (self.outer.names() if self.outer else set())


def environment() -> minijinja.Environment:
    made = minijinja.Environment(
        fuel=FUEL, undefined_behavior="strict", finalizer=bounded.output.emit, pycompat=False, debug=False
    )
    made.remove_global("namespace")
    for name, function in bounded.FUNCTIONS.items():
        made.add_function(name, function)
    for name, function in bounded.FILTERS.items():
        made.add_filter(name, function)
    return made


_environment = environment()


def render(template: str, scope: Scope) -> Any:
    """The value of a template: the type of the expression when it is exactly one, else text.

    Raises ExpressionError.
    """
    if "{" not in template:
        return template
    return evaluate(template, scope)


def condition(expression: str, scope: Scope) -> bool:
    """Whether a bare expression holds. Raises ExpressionError."""
    value = evaluate(as_template(expression), scope)
    return bool(str(value)) if not isinstance(value, bool | int | float | list | dict | None) else bool(value)


def as_template(expression: str) -> str:
    bare = expression.strip()
    if bare.startswith("{{") and bare.endswith("}}"):
        bare = bare[2:-2]
    return "{{ (" + bare + ") }}"


def check(template: str) -> set[str]:
    """The names that a template needs. Raises ExpressionError when it is not valid."""
    if "{" not in template:
        return set()
    try:
        done = compiled(template)
    except Refused as error:
        raise ExpressionError(str(error)) from None
    return set(done.names - done.guarded)


def evaluate(template: str, scope: Scope) -> Any:
    try:
        done = compiled(template)
        context = {name: bounded.shown(found.value) for name in done.names if (found := scope.find(name))}
        context["_literals"] = done.literals
        bounded.output.written = 0
        if done.expression:
            value = _environment.eval_expr(done.source, **context)
            if value is None and _environment.eval_expr(f"({done.source}) is undefined", **context):
                raise ExpressionError(undefined(done, scope))
            bounded.measure(value)
            return bounded.unwrapped(value)
        return _environment.render_str(done.source, **context)
    except ExpressionError:
        raise
    except Refused as error:
        raise ExpressionError(str(error)) from None
    except minijinja.TemplateError as error:
        raise ExpressionError(explained(error, done, scope)) from None
    except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError, RecursionError) as error:
        raise ExpressionError(sentence(error, done, scope)) from None


def explained(error: minijinja.TemplateError, done: Compiled, scope: Scope) -> str:
    text = str(error.message if hasattr(error, "message") else error).split(" (in ")[0]
    if "fuel" in text:
        return "The template takes too many steps. Shorten its loops."
    if "undefined" in text:
        return undefined(done, scope)
    return text[:300]


def undefined(done: Compiled, scope: Scope) -> str:
    unknown = sorted(done.names - scope.names())
    if unknown:
        known = ", ".join(sorted(scope.names())[:12]) or "none"
        return f"`{unknown[0]}` is not a variable here. Variables here: {known}."
    return f"A part of {', '.join(f'`{name}`' for name in sorted(done.names)) or 'the template'} does not exist."


def sentence(error: Exception, done: Compiled, scope: Scope) -> str:
    if isinstance(error, bounded.SecretInText):
        names = [name for name in sorted(done.names) if isinstance(scope.get(name), Secret)]
        return (
            f"{names[0]} is a secret: hand it whole to a secret property, it cannot go into a text."
            if names
            else str(error)
        )
    if isinstance(error, KeyError):
        return f"There is no {error.args[0] if error.args else ''} in it."
    return str(error)[:300] or type(error).__name__


def templates_in(value: Any) -> Iterator[str]:
    """Every template inside a property value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from templates_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from templates_in(inner)
