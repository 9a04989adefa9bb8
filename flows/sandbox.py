"""Writes a template anew so that it can do no harm.

Jinja2's parser gives the tree; only the nodes listed here are allowed. Every operation that can make a value
grow (+ * ** ~, lists, literal text) goes through a function that knows a bound, so no template can take the
memory of the process, and MiniJinja's fuel bounds its time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes

LONGEST_TEMPLATE = 1_000_000  # characters
DEEPEST = 80  # nested expressions and blocks
MOST_BRACKETS = 100  # open at the same time; the parser recurses on them

FILTERS = frozenset(
    [
        "abs",
        "batch",
        "bool",
        "capitalize",
        "count",
        "default",
        "d",
        "dictsort",
        "first",
        "float",
        "indent",
        "int",
        "items",
        "join",
        "keys",
        "last",
        "length",
        "lines",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "select",
        "selectattr",
        "sort",
        "split",
        "string",
        "sum",
        "title",
        "tojson",
        "trim",
        "truncate",
        "unique",
        "upper",
        "urlencode",
        "values",
    ]
)
TESTS = frozenset(
    [
        "boolean",
        "containing",
        "defined",
        "divisibleby",
        "endingwith",
        "eq",
        "equalto",
        "even",
        "false",
        "float",
        "ge",
        "gt",
        "in",
        "integer",
        "iterable",
        "le",
        "lower",
        "lt",
        "mapping",
        "ne",
        "none",
        "number",
        "odd",
        "sequence",
        "startingwith",
        "string",
        "true",
        "undefined",
        "upper",
    ]
)
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


class Refused(Exception):
    """The template is not valid or uses what is not available; the message is for people."""


@dataclass(frozen=True)
class Compiled:
    """`expression` is set when the template is exactly one; `source` is for MiniJinja; names are those it reads."""

    source: str
    expression: bool
    literals: list[str]
    names: frozenset[str]
    guarded: frozenset[str]  # names that may be undefined: tested or given a default


@dataclass
class Writer:
    """Turns allowed nodes back into source."""

    literals: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    guarded: set[str] = field(default_factory=set)
    local: set[str] = field(default_factory=set)
    depth: int = 0

    def literal(self, text: str) -> str:
        self.literals.append(text)
        return f"_literals[{len(self.literals) - 1}]"

    # Statements

    def block(self, body: list[nodes.Node]) -> str:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Refused("The template is nested too deeply.")
        written = "".join(self.statement(node) for node in body)
        self.depth -= 1
        return written

    def statement(self, node: nodes.Node) -> str:
        match node:
            case nodes.Output():
                return "".join(self.emitted(part) for part in node.nodes)
            case nodes.If():
                return self.if_block(node)
            case nodes.For():
                return self.for_block(node)
            case nodes.Assign():
                target, value = self.target(node.target), self.expression(node.node)
                return f"{{% set {target} = {value} %}}"
        raise Refused(f"{statement_name(node)} is not available in a template here.")

    def emitted(self, node: nodes.Expr) -> str:
        if isinstance(node, nodes.TemplateData):
            return f"{{{{ {self.literal(node.data)} }}}}" if node.data else ""
        return f"{{{{ {self.expression(node)} }}}}"

    def if_block(self, node: nodes.If) -> str:
        written = f"{{% if {self.expression(node.test)} %}}{self.block(node.body)}"
        for other in node.elif_:
            written += f"{{% elif {self.expression(other.test)} %}}{self.block(other.body)}"
        if node.else_:
            written += f"{{% else %}}{self.block(node.else_)}"
        return written + "{% endif %}"

    def for_block(self, node: nodes.For) -> str:
        if node.recursive:
            raise Refused("A recursive loop is not available in a template here.")
        items = self.expression(node.iter)
        target = self.target(node.target)
        self.local.add("loop")
        condition = f" if {self.expression(node.test)}" if node.test else ""
        otherwise = f"{{% else %}}{self.block(node.else_)}" if node.else_ else ""
        return f"{{% for {target} in {items}{condition} %}}{self.block(node.body)}{otherwise}{{% endfor %}}"

    def target(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Name):
            self.local.add(checked(node.name))
            return node.name
        if isinstance(node, nodes.Tuple):
            return ", ".join(self.target(item) for item in node.items)
        raise Refused("Only a name can be set in a template.")

    # Expressions

    def expression(self, node: nodes.Node) -> str:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Refused("The expression is nested too deeply.")
        written = self.written(node)
        self.depth -= 1
        return written

    def written(self, node: nodes.Node) -> str:
        match node:
            case nodes.Const():
                return self.constant(node.value)
            case nodes.Name():
                return self.name(node.name)
            case nodes.Getattr():
                return f"{self.expression(node.node)}.{checked(node.attr)}"
            case nodes.Getitem():
                return f"{self.expression(node.node)}[{self.index(node.arg)}]"
            case nodes.Filter():
                return self.filter(node)
            case nodes.Test():
                return self.test(node)
            case nodes.Call():
                return self.call(node)
            case nodes.Compare():
                return self.comparison(node)
            case nodes.Not():
                return f"(not {self.expression(node.node)})"
            case nodes.Neg():
                return f"(-{self.expression(node.node)})"
            case nodes.Pos():
                return self.expression(node.node)
            case nodes.CondExpr():
                return self.conditional(node)
            case nodes.Concat():
                return f"_concatenate({self.several(node.nodes)})"
            case nodes.List() | nodes.Tuple():
                return f"_list({self.several(node.items)})"
            case nodes.Dict():
                return f"_object({self.several([part for pair in node.items for part in (pair.key, pair.value)])})"
            case nodes.BinExpr():
                return self.binary(node)
        raise Refused(f"{type(node).__name__} is not available in a template here.")

    def constant(self, value: object) -> str:
        if isinstance(value, str):
            return self.literal(value)
        if isinstance(value, bool) or value is None:
            return {True: "true", False: "false", None: "none"}[value]
        if isinstance(value, int | float) and abs(value) < 10**18:
            return repr(value)
        raise Refused("A number is larger than 18 digits.")

    def name(self, name: str) -> str:
        checked(name)
        if name not in self.local:
            self.names.add(name)
        return name

    def index(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Slice):
            parts = [self.expression(part) if part else "" for part in (node.start, node.stop)]
            return ":".join(parts) + (f":{self.expression(node.step)}" if node.step else "")
        if isinstance(node, nodes.Const) and isinstance(node.value, str):
            checked_key(node.value)
        return self.expression(node)

    def filter(self, node: nodes.Filter) -> str:
        if node.name not in FILTERS:
            raise Refused(f"There is no filter {node.name}. Filters: {', '.join(sorted(FILTERS))}.")
        if node.node is None:
            raise Refused("A filter block is not available in a template here.")
        if node.name in ("default", "d"):
            self.guard(node.node)
        if node.name in ("map", "select", "reject"):
            self.check_inner(node)
        arguments = self.arguments(node.args, node.kwargs)
        return f"({self.expression(node.node)}|{node.name}{f'({arguments})' if arguments else ''})"

    def check_inner(self, node: nodes.Filter) -> None:
        allowed = FILTERS if node.name == "map" else TESTS
        for argument in node.args[:1]:
            if not isinstance(argument, nodes.Const) or argument.value not in allowed:
                raise Refused(f"{node.name} takes the name of a known {'filter' if node.name == 'map' else 'test'}.")

    def test(self, node: nodes.Test) -> str:
        if node.name not in TESTS:
            raise Refused(f"There is no test {node.name}. Tests: {', '.join(sorted(TESTS))}.")
        if node.name in ("defined", "undefined"):
            self.guard(node.node)
        arguments = self.arguments(node.args, node.kwargs)
        return f"({self.expression(node.node)} is {node.name}{f'({arguments})' if arguments else ''})"

    def guard(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.Name):
            self.guarded.add(node.name)

    def call(self, node: nodes.Call) -> str:
        if not isinstance(node.node, nodes.Name) or node.node.name not in FUNCTIONS:
            raise Refused("Only range(...) can be called in a template here. Methods are not available; use a filter.")
        return f"{node.node.name}({self.arguments(node.args, node.kwargs)})"

    def arguments(self, args: list[Any], kwargs: list[nodes.Keyword]) -> str:
        for keyword in kwargs:
            if keyword.key == "attribute" or keyword.key.startswith("_"):
                attribute = keyword.value.value if isinstance(keyword.value, nodes.Const) else None
                if not isinstance(attribute, str):
                    raise Refused("attribute takes a literal name.")
                checked_key(attribute)
        named = [f"{checked(keyword.key)}={self.expression(keyword.value)}" for keyword in kwargs]
        return ", ".join([*(self.expression(argument) for argument in args), *named])

    def comparison(self, node: nodes.Compare) -> str:
        parts, left = [], self.expression(node.expr)
        for operand in node.ops:
            right = self.expression(operand.expr)
            parts.append(f"({left} {COMPARISONS[operand.op]} {right})")
            left = right
        return f"({' and '.join(parts)})"

    def conditional(self, node: nodes.CondExpr) -> str:
        otherwise = self.expression(node.expr2) if node.expr2 else self.literal("")
        return f"({self.expression(node.expr1)} if {self.expression(node.test)} else {otherwise})"

    def several(self, items: list[Any]) -> str:
        return ", ".join(self.expression(item) for item in items)

    def binary(self, node: nodes.BinExpr) -> str:
        left, right = self.expression(node.left), self.expression(node.right)
        if type(node) in GROWING:
            return f"{GROWING[type(node)]}({left}, {right})"
        return f"({left} {PLAIN_BINARY[type(node)]} {right})"


def checked(name: str) -> str:
    if name.startswith("_") or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise Refused(f"{name} is not a name that can be used here.")
    return name


def checked_key(key: str) -> None:
    if any(part.startswith("_") for part in key.split(".")):
        raise Refused(f"{key} is not a name that can be used here.")


def statement_name(node: nodes.Node) -> str:
    names: Mapping[type[nodes.Node], str] = {
        nodes.AssignBlock: "A set block",
        nodes.Macro: "A macro",
        nodes.CallBlock: "A call block",
        nodes.FilterBlock: "A filter block",
    }
    return names.get(type(node), f"{{% {type(node).__name__.lower()} %}}")


_parser = jinja2.Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 - parses only, renders nothing


def parsed(source: str) -> nodes.Template:
    if len(source) > LONGEST_TEMPLATE:
        raise Refused(f"The template is longer than {LONGEST_TEMPLATE:,} characters.")
    if nesting(source) > MOST_BRACKETS or source.count("{%") > 5_000:
        raise Refused("The template is nested too deeply.")
    try:
        return _parser.parse(source)
    except jinja2.TemplateSyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno and error.lineno > 1 else ""
        raise Refused(f"{where}{error.message}") from None
    except (RecursionError, ValueError, OverflowError):
        raise Refused("The template is nested too deeply.") from None


def nesting(source: str) -> int:
    """The most brackets, `not`s or minus signs in a row that the parser would have to recurse into."""
    deepest = depth = 0
    for sign in source:
        if sign in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in ")]}":
            depth = max(0, depth - 1)
    return deepest


@lru_cache(maxsize=4096)
def compiled(source: str) -> Compiled:
    """Raises Refused."""
    tree = parsed(source)
    writer = Writer()
    single = single_expression(tree)
    try:
        written = writer.expression(single) if single is not None else writer.block(tree.body)
    except RecursionError:
        raise Refused("The template is nested too deeply.") from None
    return Compiled(
        written,
        single is not None,
        writer.literals,
        frozenset(writer.names - FUNCTIONS),
        frozenset(writer.guarded),
    )


def single_expression(tree: nodes.Template) -> nodes.Node | None:
    """The expression of a template that is exactly `{{ one }}`, blanks around it aside."""
    parts = [part for node in tree.body if isinstance(node, nodes.Output) for part in node.nodes]
    if len(tree.body) != sum(isinstance(node, nodes.Output) for node in tree.body):
        return None
    left = [part for part in parts if not (isinstance(part, nodes.TemplateData) and not part.data.strip())]
    return left[0] if len(left) == 1 and not isinstance(left[0], nodes.TemplateData) else None
