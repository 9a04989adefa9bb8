"""The variables of templates: which there are, what they hold, and what was typed for them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import jinja2
from jinja2 import nodes

from flows.language.expressions import ExpressionError, check, is_plain
from flows.language.sandbox.expression_writer import TemplateRefused
from flows.language.sandbox.rewrite import compile_template
from flows.language.values import as_text
from foundryflow.strict_json import JsonError, storable_json

NAME = r"[A-Za-z_][A-Za-z0-9_]*"  # of a variable
PLAIN_TAG = re.compile(rf"{{{{\s*({NAME})\s*}}}}")
INPUTS = "inputs"  # all inputs together, in every flow
LONGEST_NUMBER = 18  # digits, so that every number is one to whoever reads it
# Filters that take whatever comes as text; "12" and 12 are the same to them.
OF_TEXTS = frozenset(
    {"capitalize", "indent", "lines", "lower", "replace", "split", "string", "title", "trim"}
    | {"truncate", "upper", "urlencode"}
)
OF_NUMBERS, TESTS_OF_NUMBERS = ("abs", "round"), ("divisibleby", "even", "float", "integer", "number", "odd")
DEFAULTS = ("default", "d")
ACCESS = (nodes.Getattr, nodes.Getitem)
ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)


def type_of(value: Any) -> str:
    return {list: "list", dict: "object", int: "number", float: "number"}.get(type(value), "text")


def types_of(variables: Mapping[str, Any], templates: Iterable[str]) -> dict[str, str]:
    """Types of inputs. A number that is only printed stays a text: other values of it need not be numbers."""
    numbers = numbers_in(templates)
    types = {name: type_of(value) for name, value in variables.items()}
    return {name: "text" if type == "number" and name not in numbers else type for name, type in types.items()}


def variables_in(templates: Iterable[str]) -> dict[str, bool]:
    """Variables in the order they are found, and whether a template reaches into them, so that they hold JSON.

    `inputs.x` stands for x. A template that cannot be read has none; what it can do without is left out.
    """
    found: dict[str, bool] = {}
    for template in templates:
        add_names(found, template, needed_in(template))
    return found


def optional_in(templates: Sequence[str]) -> dict[str, bool]:
    """Those that the templates can do without: they are tested, or have a default."""
    found: dict[str, bool] = {}
    for template in templates:
        add_names(found, template, expand_inputs(template, names_in(template)) - needed_in(template))
    return {name: structured for name, structured in found.items() if name not in variables_in(templates)}


def values_of(templates: Sequence[str], typed: Mapping[str, str]) -> dict[str, Any]:
    """What the variables of the templates stand for. One that a template can do without counts when it is typed."""
    optional = {name: structured for name, structured in optional_in(templates).items() if typed.get(name)}
    return {
        name: typed_value(typed.get(name, ""), structured=structured)
        for name, structured in {**variables_in(templates), **optional}.items()
    }


def add_names(found: dict[str, bool], template: str, names: Set[str]) -> None:
    if names:
        tree = jinja2.Environment().parse(template)  # noqa: S701 - parses, renders nothing
        inside = {variable for node in structured_nodes(tree) if (variable := variable_of(node))}
        for name in sorted(names, key=template.find):
            found[name] = found.get(name, False) or name in inside


def template_problem(template: str) -> str:
    """What is wrong with a template, in words; nothing when it can be read."""
    try:
        check(template)
    except ExpressionError as error:
        return str(error)
    return ""


def needed_in(template: str) -> Set[str]:
    """What a template cannot do without."""
    try:
        return expand_inputs(template, check(template))
    except ExpressionError:
        return set()


def names_in(template: str) -> Set[str]:
    """What a template reads, `inputs` as a whole."""
    try:
        return set() if is_plain(template) else compile_template(template).names
    except TemplateRefused:
        return set()


def expand_inputs(template: str, names: Set[str]) -> Set[str]:
    """With every x of `inputs.x` in place of `inputs`."""
    if INPUTS not in names:
        return names
    tree = jinja2.Environment().parse(template)  # noqa: S701 - parses, renders nothing
    return (names - {INPUTS}) | set(filter(None, map(named_input, tree.find_all(ACCESS))))


def conditions_in(templates: Iterable[str]) -> set[str]:
    """Variables that a template asks whether they hold something: `{% if x %}`, `x or y`."""
    found: set[str] = set()
    for template in templates:
        for node in tree_of(template).find_all((nodes.If, nodes.CondExpr, nodes.Or)):
            asked: nodes.Node = getattr(node, "left" if isinstance(node, nodes.Or) else "test")
            named = [asked, *asked.find_all((nodes.Name, *ACCESS))]
            found |= {variable for each in named if (variable := variable_of(each))}
    return found


def holes_in(templates: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """Variables that the templates cannot do without and that hold nothing."""
    may_be_empty = conditions_in(templates)
    empty = [name for name in variables_in(templates) if not str(values.get(name, "")).strip()]
    return [name for name in empty if name not in may_be_empty]


def tree_of(template: str) -> nodes.Template:
    """The syntax tree; empty where it cannot be read."""
    try:
        return jinja2.Environment().parse("" if is_plain(template) else template)  # noqa: S701 - renders nothing
    except jinja2.TemplateSyntaxError:
        return nodes.Template([])


def numbers_in(templates: Iterable[str]) -> set[str]:
    """Variables that a template calculates with."""
    trees = map(tree_of, templates)
    return {variable for tree in trees for node in number_nodes(tree) if (variable := variable_of(node))}


def structured_nodes(tree: nodes.Node) -> Iterator[nodes.Node]:
    """What is a list, an object or a number to the template."""
    for attribute in tree.find_all(nodes.Getattr):
        yield attribute.node
    for item in tree.find_all(nodes.Getitem):
        yield item.node
    for loop in tree.find_all(nodes.For):
        yield loop.iter
    for filtered in tree.find_all(nodes.Filter):
        if filtered.node is not None and filtered.name not in (*OF_TEXTS, *DEFAULTS):
            yield filtered.node
    yield from number_nodes(tree)


def number_nodes(tree: nodes.Node) -> Iterator[nodes.Node]:
    """What must be a number."""
    for operation in tree.find_all(ARITHMETIC):
        if not any(isinstance(each, nodes.Const) and isinstance(each.value, str) for each in sides_of(operation)):
            yield from sides_of(operation)
    for compared in tree.find_all(nodes.Compare):
        sides = [compared.expr, *(operand.expr for operand in compared.ops)]
        if any(isinstance(each, nodes.Const) and isinstance(each.value, int | float) for each in sides):
            yield from sides
    for negated in tree.find_all(nodes.Neg):
        yield negated.node
    for called in tree.find_all(nodes.Call):
        yield from called.args
    for filtered in tree.find_all(nodes.Filter):
        if filtered.node is not None and filtered.name in OF_NUMBERS:
            yield filtered.node
    for tested in tree.find_all(nodes.Test):
        if tested.name in TESTS_OF_NUMBERS:
            yield tested.node


def sides_of(operation: nodes.BinExpr) -> tuple[nodes.Expr, nodes.Expr]:
    return operation.left, operation.right


def variable_of(node: nodes.Node) -> str | None:
    while isinstance(node, nodes.Filter) and node.name in DEFAULTS and node.node is not None:
        node = node.node
    if isinstance(node, nodes.Name):
        return node.name
    return named_input(node) if isinstance(node, ACCESS) else None


def named_input(access: nodes.Node) -> str | None:
    """The x of `inputs.x` and `inputs["x"]`."""
    if not (isinstance(access, ACCESS) and isinstance(access.node, nodes.Name) and access.node.name == INPUTS):
        return None
    name = access.attr if isinstance(access, nodes.Getattr) else getattr(access.arg, "value", None)
    return name if isinstance(name, str) and re.fullmatch(NAME, name) else None


def typed_value(text: str, *, structured: bool) -> Any:
    """What a person typed into the field of a variable: text, or JSON where a template reaches into it.

    A number counts as one when it prints as it is typed.
    """
    if not structured:
        return text
    try:
        value = storable_json(text)
    except JsonError:
        return text
    return value if isinstance(value, list | dict) or is_number(value, text) else text


def is_number(value: Any, text: str) -> bool:
    """Whether it is one that prints as this text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return len(text) < LONGEST_NUMBER and math.isfinite(value) and as_text(value) == text
