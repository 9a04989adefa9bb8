"""Templates and conditions, and the scope they read: Jinja's syntax, evaluated by MiniJinja in bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import minijinja

from connections.secret import Secret
from flows import bounded
from flows.budget import TooSlow, budget
from flows.filters import FILTERS
from flows.sandbox import Compiled, Refused, compiled
from flows.values import Response, convert

FUEL = 2_000_000  # instructions of one evaluation
UNSEEN = object()


class ExpressionError(ValueError):
    """A template or condition cannot be read or evaluated; the message is for people."""


class Variable:
    """A value with its type. What templates see of it is made once, when it is first needed."""

    __slots__ = ("_shown", "_value", "type")

    def __init__(self, type: str, value: Any) -> None:
        self.type, self._value, self._shown = type, value, UNSEEN

    @property
    def value(self) -> Any:
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        self._value, self._shown = value, UNSEEN

    @property
    def shown(self) -> Any:
        if self._shown is UNSEEN:
            self._shown = bounded.shown(self._value)
        return self._shown


@dataclass
class Scope:
    """The variables of a block and of the blocks around it."""

    outer: Scope | None = None
    variables: dict[str, Variable] = field(default_factory=dict)

    def child(self) -> Scope:
        return Scope(outer=self)

    def copied(self) -> Scope:
        """The same variables, up to the flow; what is assigned here is not seen there."""
        copies = {name: Variable(variable.type, variable.value) for name, variable in self.variables.items()}
        return Scope(self.outer.copied() if self.outer else None, copies)

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
        fuel=FUEL, undefined_behavior="strict", finalizer=bounded.emit, pycompat=False, debug=False
    )
    made.remove_global("namespace")
    for name, function in bounded.OPERATIONS.items():
        made.add_global(name, function)
    for name, function in FILTERS.items():
        made.add_filter(name, function)
    for name, function in bounded.TESTS.items():
        made.add_test(name, function)
    return made


_environment = environment()


def render(template: str, scope: Scope) -> Any:
    """The value of a template: the type of the expression when it is exactly one, else text.

    Raises ExpressionError.
    """
    if is_plain(template):
        return template
    return evaluate(template, scope)


def condition(expression: str, scope: Scope) -> bool:
    """Whether a bare expression holds. Raises ExpressionError."""
    value = evaluate(as_template(expression), scope)
    return bool(value.text if isinstance(value, Response) else value)


def as_template(expression: str) -> str:
    bare = expression.strip()
    if bare.startswith("{{") and bare.endswith("}}"):
        bare = bare[2:-2].strip()
    if not bare:
        raise ExpressionError("The condition is empty.")
    return "{{ (" + bare + ") }}"


def is_plain(template: str) -> bool:
    return "{{" not in template and "{%" not in template and "{#" not in template


def check(template: str) -> set[str]:
    """The names that a template needs. Raises ExpressionError when it is not valid."""
    if is_plain(template):
        return set()
    try:
        done = compiled(template)
    except Refused as error:
        raise ExpressionError(str(error)) from None
    return set(done.names - done.guarded)


def evaluate(template: str, scope: Scope) -> Any:
    try:
        done = compiled(template)
    except Refused as error:
        raise ExpressionError(str(error)) from None
    context = context_of(done, scope)
    if done.variable:
        return scope.get(done.variable)
    budget.begin()
    try:
        if not done.expression:
            return _environment.render_str(done.source, **context)
        value = _environment.eval_expr(done.source, **context)
        bounded.measure(value)
        return bounded.unwrapped(value)
    except (minijinja.TemplateError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise ExpressionError(sentence(error, done, scope)) from None


def context_of(done: Compiled, scope: Scope) -> dict[str, Any]:
    """The variables that a template reads. Raises ExpressionError for one that is not there."""
    context: dict[str, Any] = {"_literals": done.literals}
    for name in done.names:
        found = scope.find(name)
        if found is not None:
            context[name] = found.shown
        elif name in done.guarded:
            context[name] = bounded.Missing(name)
        else:
            raise ExpressionError(not_here(name, scope))
    return context


def not_here(name: str, scope: Scope) -> str:
    known = ", ".join(sorted(scope.names())[:12]) or "none"
    return f"`{name}` is not a variable here. Variables here: {known}."


def sentence(error: Exception, done: Compiled, scope: Scope) -> str:
    """What went wrong, for people."""
    within = ", ".join(f"`{name}`" for name in sorted(done.names))
    if isinstance(error, bounded.SecretInText):
        secret = next((name for name in sorted(done.names) if isinstance(scope.get(name), Secret)), "It")
        return f"{secret} is a secret: hand it whole to a secret property, it cannot go into a text."
    if isinstance(error, KeyError):
        missing = error.args[0] if error.args else ""
        return not_here(missing, scope) if missing in done.names else f"There is no `{missing}` in {within or 'it'}."
    if isinstance(error, minijinja.TemplateError):
        said = error.message.split(" (in ")[0].removeprefix("invalid operation: ")
        if "fuel" in said:
            return str(TooSlow())
        return f"A part of {within or 'the template'} does not exist." if "undefined" in said else said[:300]
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
