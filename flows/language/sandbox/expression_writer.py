"""Writes the expressions of a template anew: only those that are allowed, and what grows through a bound."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from flows.language.sandbox.filters import FILTERS as OUR_FILTERS

DEEPEST = 80  # nested expressions and blocks

# Filters of MiniJinja itself; those that could make something large are ours.
# fmt: off
NATIVE = frozenset({
    "abs", "bool", "dictsort", "first", "items", "last", "map", "max", "min", "reject", "rejectattr",
    "reverse", "round", "select", "selectattr", "sort", "unique",
})
FILTERS = NATIVE | OUR_FILTERS.keys() | {"default", "d"}
NOT_MAPPED = frozenset({"default", "d", "map", "select", "reject", "selectattr", "rejectattr"})
TESTS = frozenset({
    "boolean", "containing", "defined", "divisibleby", "endingwith", "eq", "equalto", "even", "false",
    "float", "ge", "gt", "in", "integer", "iterable", "le", "lower", "lt", "mapping", "ne", "none",
    "number", "odd", "sequence", "startingwith", "string", "true", "undefined", "upper",
})
# fmt: on
FUNCTIONS = frozenset({"range"})
COMPARISONS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}
PLAIN_BINARY: dict[type[nodes.BinExpr], str] = {
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Sub: "-",
    nodes.Mod: "%",
    nodes.And: "and",
    nodes.Or: "or",
}
GROWING: dict[type[nodes.BinExpr], str] = {nodes.Add: "_add", nodes.Mul: "_multiply", nodes.Pow: "_power"}


class TemplateRefused(Exception):
    """The template is not valid or uses what is not available; the message is for people."""


@dataclass
class ExpressionWriter:
    """Turns nodes of expressions back into source, and remembers which variables they read."""

    literals: list[str] = field(default_factory=list)  # never part of the source, whatever they hold
    names: set[str] = field(default_factory=set)
    guarded: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)
    depth: int = 0

    def literal(self, text: str) -> str:
        self.literals.append(text)
        return f"_literals[{len(self.literals) - 1}]"

    def expression(self, node: nodes.Node) -> str:
        self.depth += 1
        if self.depth > DEEPEST:
            raise TemplateRefused("The expression is nested too deeply.")
        written = self.write(node)
        self.depth -= 1
        return written

    def operand(self, node: nodes.Node) -> str:
        """An expression for an operation of MiniJinja's own, which does not know what is missing."""
        written = self.expression(node)
        plain = isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem | nodes.Filter | nodes.CondExpr)
        return f"_operand({written})" if plain or isinstance(node, nodes.And | nodes.Or) else written

    def write(self, node: nodes.Node) -> str:
        match node:
            case nodes.Const():
                return self.constant(node.value)
            case nodes.Name():
                return self.name(node.name)
            case nodes.Getattr():
                return self.attribute(node)
            case nodes.Getitem():
                return self.item(node)
            case nodes.Filter():
                return self.filter(node)
            case nodes.Test():
                return self.test(node)
            case nodes.Call():
                return self.call(node)
            case nodes.Compare():
                return self.comparison(node)
            case nodes.Not():
                return f"(not {self.operand(node.node)})"
            case nodes.Neg():
                return f"(-{self.operand(node.node)})"
            case nodes.Pos():
                return self.operand(node.node)
            case nodes.CondExpr():
                return self.conditional(node)
            case nodes.Concat():
                return f"_concatenate({self.counted_arguments(node.nodes)})"
            case nodes.List() | nodes.Tuple():
                return f"_list({self.counted_arguments(node.items)})"
            case nodes.Dict():
                halves = [half for pair in node.items for half in (pair.key, pair.value)]
                return f"_object({self.counted_arguments(halves)})"
            case nodes.BinExpr():
                return self.binary(node)
        raise TemplateRefused(f"{type(node).__name__} is not available in a template here.")

    def constant(self, value: object) -> str:
        if isinstance(value, str):
            return self.literal(value)
        if isinstance(value, bool) or value is None:
            return {True: "true", False: "false", None: "none"}[value]
        if isinstance(value, int | float) and abs(value) < 10**18:
            return repr(value)
        raise TemplateRefused("A number is larger than 18 digits.")

    def name(self, name: str) -> str:
        check_name(name)
        if name not in self.local:
            self.names.add(name)
        return name

    def attribute(self, node: nodes.Getattr) -> str:
        if isinstance(node.node, nodes.Name) and node.node.name == "loop" and "loop" in self.local:
            return f"loop.{check_name(node.attr)}"
        return f"_part({self.expression(node.node)}, {self.literal(check_name(node.attr))})"

    def item(self, node: nodes.Getitem) -> str:
        if isinstance(node.arg, nodes.Slice):
            ends = [self.operand(end) if end else "" for end in (node.arg.start, node.arg.stop)]
            step = f":{self.operand(node.arg.step)}" if node.arg.step else ""
            return f"_kept({self.operand(node.node)}[{':'.join(ends)}{step}])"
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            check_key(node.arg.value)
        return f"_part({self.expression(node.node)}, {self.expression(node.arg)})"

    def filter(self, node: nodes.Filter) -> str:
        if node.name not in FILTERS:
            raise TemplateRefused(f"There is no filter {node.name}. Filters: {', '.join(sorted(FILTERS))}.")
        if node.node is None:
            raise TemplateRefused("A filter block is not available in a template here.")
        if node.name in ("default", "d"):
            self.guard(node.node)
            return (
                f"_default({self.plain_arguments([node.node, *node.args])}{self.keyword_arguments(node.kwargs, ', ')})"
            )
        if node.name in ("map", "select", "reject"):
            self.check_mapped(node)
        arguments = self.arguments(node.args, node.kwargs)
        applied = f"{node.name}{f'({arguments})' if arguments else ''}"
        if node.name in NATIVE:
            return f"_kept({self.operand(node.node)}|{applied})"
        return f"({self.expression(node.node)}|{applied})"

    def check_mapped(self, node: nodes.Filter) -> None:
        # A default would stand in the list once per item, and be copied as often when the list is handed on.
        if any(keyword.key == "default" for keyword in node.kwargs):
            raise TemplateRefused("map takes no default here.")
        allowed = FILTERS - NOT_MAPPED if node.name == "map" else TESTS
        for argument in node.args[:1]:
            if not isinstance(argument, nodes.Const) or argument.value not in allowed:
                known = "filter" if node.name == "map" else "test"
                raise TemplateRefused(f"{node.name} takes the name of a known {known}.")

    def test(self, node: nodes.Test) -> str:
        if node.name not in TESTS:
            raise TemplateRefused(f"There is no test {node.name}. Tests: {', '.join(sorted(TESTS))}.")
        if node.name in ("defined", "undefined"):
            self.guard(node.node)
            return f"({'' if node.name == 'defined' else 'not '}_defined({self.expression(node.node)}))"
        arguments = self.arguments(node.args, node.kwargs)
        return f"({self.operand(node.node)} is {node.name}{f'({arguments})' if arguments else ''})"

    def guard(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Name):
            self.guarded.add(node.name)

    def call(self, node: nodes.Call) -> str:
        if not isinstance(node.node, nodes.Name) or node.node.name not in FUNCTIONS:
            raise TemplateRefused(
                "Only range(...) can be called in a template here. Methods are not available; use a filter."
            )
        return f"{node.node.name}({self.arguments(node.args, node.kwargs)})"

    def arguments(self, args: list[Any], kwargs: list[Any]) -> str:
        return ", ".join(self.operand(argument) for argument in args) + self.keyword_arguments(
            kwargs, ", " if args else ""
        )

    def keyword_arguments(self, kwargs: list[Any], before: str) -> str:
        for keyword in kwargs:
            if keyword.key == "attribute":
                attribute = keyword.value.value if isinstance(keyword.value, nodes.Const) else None
                if not isinstance(attribute, str):
                    raise TemplateRefused("attribute takes a literal name.")
                check_key(attribute)
        written = ", ".join(f"{check_name(keyword.key)}={self.operand(keyword.value)}" for keyword in kwargs)
        return before + written if written else ""

    def comparison(self, node: nodes.Compare) -> str:
        written, left = [], self.operand(node.expr)
        for compared in node.ops:
            right = self.operand(compared.expr)
            written.append(f"({left} {COMPARISONS[compared.op]} {right})")
            left = right
        return f"({' and '.join(written)})"

    def conditional(self, node: nodes.CondExpr) -> str:
        otherwise = self.expression(node.expr2) if node.expr2 else self.literal("")
        return f"({self.expression(node.expr1)} if {self.operand(node.test)} else {otherwise})"

    def counted_arguments(self, items: list[Any]) -> str:
        """Arguments of which each counts before the next one is there: they are copies on their way to us."""
        return ", ".join(
            self.expression(item) if isinstance(item, nodes.Const) else f"_kept({self.expression(item)})"
            for item in items
        )

    def plain_arguments(self, items: list[Any]) -> str:
        return ", ".join(self.expression(item) for item in items)

    def binary(self, node: nodes.BinExpr) -> str:
        left, right = self.operand(node.left), self.operand(node.right)
        if type(node) in GROWING:
            return f"{GROWING[type(node)]}({left}, {right})"
        return f"({left} {PLAIN_BINARY[type(node)]} {right})"


def check_name(name: str) -> str:
    if name.startswith("_") or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise TemplateRefused(f"{name} is not a name that can be used here.")
    return name


def check_key(key: str) -> None:
    if any(part.startswith("_") for part in key.split(".")):
        raise TemplateRefused(f"{key} is not a name that can be used here.")
