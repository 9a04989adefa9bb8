"""Templates and conditions: Jinja's syntax, evaluated by MiniJinja within bounds, for threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import minijinja
from jinja2 import nodes

from connections.secret import Secret
from flows.language.evaluator_messages import EvaluationFailure, EvaluationResult, EvaluationTask
from flows.language.evaluator_pool import pool
from flows.language.sandbox import operations
from flows.language.sandbox.budget import TooSlow, Unfinished, budget
from flows.language.sandbox.expression_writer import TemplateRefused
from flows.language.sandbox.filters import FILTERS
from flows.language.sandbox.rewrite import (
    LONGEST_REMEMBERED,
    MOST_REMEMBERED,
    CompiledTemplate,
    compile_template,
    parse_template,
)
from flows.language.scope import HEAVY, Scope, Variable
from flows.language.values import Response

FUEL = 2_000_000  # instructions of one evaluation
LONGEST_WAIT = 15.0  # seconds of a thread for an evaluation, with those that are before it
UNFINISHED = object()


class ExpressionError(ValueError):
    """A template or condition cannot be read or evaluated; the message is for people.

    `missing` is the variable that is not there, if that is what is wrong.
    """

    def __init__(self, message: str, *, missing: str = "") -> None:
        super().__init__(message)
        self.missing = missing


def make_environment() -> minijinja.Environment:
    made = minijinja.Environment(
        fuel=FUEL, undefined_behavior="strict", finalizer=operations.emit, pycompat=False, debug=False
    )
    made.remove_global("namespace")
    for name, function in operations.OPERATIONS.items():
        made.add_global(name, function)
    for name, function in FILTERS.items():
        made.add_filter(name, function)
    for name, function in operations.TESTS.items():
        made.add_test(name, function)
    return made


_environment = make_environment()


def render(template: str, scope: Scope) -> Any:
    """The value of a template: the type of the expression when it is exactly one, else text.

    Raises ExpressionError. May wait for another process: for threads. On a loop it is `evaluation.render`.
    """
    return template if is_plain(template) else evaluate(template, scope)


def evaluate_condition(expression: str, scope: Scope) -> bool:
    """Whether a bare expression holds. Raises ExpressionError. For threads, as `render`."""
    return is_true(evaluate(as_template(expression), scope))


def is_true(value: Any) -> bool:
    return bool(value.text if isinstance(value, Response) else value)


def bare_expression(expression: str) -> str:
    """A condition without the braces that somebody may have put around it."""
    bare = expression.strip()
    return bare[2:-2].strip() if bare.startswith("{{") and bare.endswith("}}") else bare


def as_template(expression: str) -> str:
    bare = bare_expression(expression)
    if not bare:
        raise ExpressionError("The condition is empty.")
    return "{{ (" + bare + ") }}"


def is_plain(template: str) -> bool:
    return "{{" not in template and "{%" not in template and "{#" not in template


def check(template: str) -> set[str]:
    """The names that a template needs. Raises ExpressionError when it is not valid."""
    if is_plain(template):
        return set()
    done = read_template(template)
    return set(done.names - done.guarded)


def printed_names(template: str) -> set[str]:
    """Variables whose value comes out of a template as it is; x for `inputs.x`. Empty for one that is not valid."""
    if is_plain(template):
        return set()
    found = all_printed_names if len(template) <= LONGEST_REMEMBERED else all_printed_names.__wrapped__
    return set(found(template))


@lru_cache(MOST_REMEMBERED)
def all_printed_names(template: str) -> frozenset[str]:
    try:
        tree = parse_template(template)
    except TemplateRefused:
        return frozenset()
    outputs = (node for output in tree.find_all(nodes.Output) for node in output.nodes)
    return frozenset(name for node in outputs for name in names_printed(node))


def names_printed(node: nodes.Node | None) -> Iterator[str]:
    match node:
        case nodes.Name(name=name) | nodes.Getattr(node=nodes.Name(name="inputs"), attr=name):
            yield name
        case nodes.Getitem(node=nodes.Name(name="inputs"), arg=nodes.Const(value=str(name))):
            yield name
        case nodes.Filter(node=inner, name="default"):
            yield from names_printed(inner)
        case nodes.CondExpr(expr1=one, expr2=other) | nodes.Add(left=one, right=other):
            yield from names_printed(one)
            yield from names_printed(other)
        case nodes.Concat(nodes=parts):
            for inner in parts:
                yield from names_printed(inner)


def evaluate(template: str, scope: Scope) -> Any:
    bound = BoundTemplate(read_template(template), scope)
    value = bound.evaluate_briefly()
    if value is not UNFINISHED:
        return value
    evaluation = pool.submit(bound.to_task())
    try:
        return bound.open_result(evaluation.result(LONGEST_WAIT))
    except TimeoutError:
        evaluation.cancel()
        raise ExpressionError(str(TooSlow())) from None


def read_template(template: str) -> CompiledTemplate:
    """Raises ExpressionError."""
    try:
        return compile_template(template)
    except TemplateRefused as error:
        raise ExpressionError(str(error)) from None


class BoundTemplate:
    """A template with the variables that it reads. Raises ExpressionError for one that is not there."""

    def __init__(self, template: CompiledTemplate, scope: Scope) -> None:
        self.template, self._scope = template, scope
        self.variables: dict[str, Variable] = {}
        for name in template.names:
            found = scope.find(name)
            if found is not None:
                self.variables[name] = found
            elif name not in template.guarded:
                raise unknown_variable(name, scope)

    @property
    def is_light(self) -> bool:
        """Whether its values are small enough to be handed to MiniJinja where others wait meanwhile."""
        return sum(variable.weight for variable in self.variables.values()) < HEAVY

    def evaluate_briefly(self) -> Any:
        """Its value, or UNFINISHED when that takes more than may be spent here. Raises ExpressionError."""
        if self.template.variable:
            return self._scope.get(self.template.variable)
        if not self.is_light:
            return UNFINISHED
        context = {name: variable.template_view for name, variable in self.variables.items()}
        try:
            return operations.from_view(compute(self.template, context, brief=True))
        except Unfinished:
            return UNFINISHED
        except FAILURES as error:
            raise self.error(failure_of(error)) from None

    def to_task(self) -> EvaluationTask:
        """The same for another process, which may spend all that an evaluation may."""
        return EvaluationTask(self.template, {name: variable.value for name, variable in self.variables.items()})

    def open_result(self, outcome: EvaluationResult) -> Any:
        """What another process found. Raises ExpressionError."""
        if outcome.failure is not None:
            raise self.error(outcome.failure)
        return outcome.value

    def error(self, failure: EvaluationFailure) -> ExpressionError:
        """What went wrong, for people."""
        within = ", ".join(f"`{name}`" for name in sorted(self.template.names))
        match failure.kind:
            case "secret":
                secrets = [name for name in sorted(self.variables) if isinstance(self._scope.get(name), Secret)]
                name = secrets[0] if secrets else "It"
                said = f"{name} is a secret: hand it whole to a secret property, it cannot go into a text."
            case "missing" if failure.said in self.template.names and self._scope.find(failure.said) is None:
                return unknown_variable(failure.said, self._scope)
            case "missing":
                said = f"There is no `{failure.said}` in {within or 'it'}."
            case "undefined":
                said = f"A part of {within or 'the template'} does not exist."
            case _:
                said = failure.said
        return ExpressionError(said)


def compute(template: CompiledTemplate, context: Mapping[str, Any], *, brief: bool = False) -> Any:
    """What MiniJinja makes of a template and of values as templates see them.

    Raises what is in FAILURES, and Unfinished when it is to be `brief`.
    """
    missing = {name: operations.Missing(name) for name in template.names if name not in context}
    budget.begin(brief=brief)
    try:
        given = {"_literals": template.literals, **context, **missing}
        if not template.expression:
            return _environment.render_str(template.source, **given)
        value = _environment.eval_expr(template.source, **given)
        operations.measure(value)
        return value
    finally:
        budget.end()


FAILURES = (minijinja.TemplateError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError)


def failure_of(error: Exception) -> EvaluationFailure:
    """The error as a value that can travel."""
    if isinstance(error, operations.SecretInText):
        return EvaluationFailure("secret", "")
    if isinstance(error, KeyError):
        return EvaluationFailure("missing", str(error.args[0]) if error.args else "")
    if isinstance(error, minijinja.TemplateError):
        said = error.message.split(" (in ")[0].removeprefix("invalid operation: ")
        if "fuel" in said:
            return EvaluationFailure("said", str(TooSlow()))
        return EvaluationFailure("undefined", "") if "undefined" in said else EvaluationFailure("said", said[:300])
    return EvaluationFailure("said", str(error)[:300] or type(error).__name__)


def unknown_variable(name: str, scope: Scope) -> ExpressionError:
    known = ", ".join(sorted(scope.names())[:12]) or "none"
    return ExpressionError(f"`{name}` is not a variable here. Variables here: {known}.", missing=name)


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
