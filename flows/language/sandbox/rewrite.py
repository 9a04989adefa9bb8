"""Writes a template anew so that it can do no harm.

Jinja2's parser gives the tree; only the nodes listed here are allowed. Every operation that can make a value
grow (+ * ** ~, lists, literal text) goes through a function that knows a bound, so no template can take the
memory of the process, and MiniJinja's fuel bounds its time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jinja2
from jinja2 import nodes

from flows.language.sandbox.filters import FILTERS as OUR_FILTERS

LONGEST_TEMPLATE = 1_000_000  # characters
DEEPEST = 80  # nested expressions and blocks
MOST_BRACKETS = 100  # open at the same time
MOST_TOKENS = 6_000  # names, operators and tags
LONGEST_REMEMBERED = 10_000  # characters
MOST_REMEMBERED = 2_048  # templates

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


@dataclass(frozen=True)
class CompiledTemplate:
    """`expression` is set when the template is exactly one; `source` is for MiniJinja; names are those it reads."""

    source: str
    expression: bool
    variable: str | None  # its name, when the expression is nothing but a variable
    literals: list[str]
    names: frozenset[str]
    guarded: frozenset[str]  # names that may be undefined: tested or given a default


@dataclass
class Writer:
    """Turns allowed nodes back into source."""

    literals: list[str] = field(default_factory=list)  # never part of the source, whatever they hold
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
            raise TemplateRefused("The template is nested too deeply.")
        written = "".join(self.statement(node) for node in body)
        self.depth -= 1
        return written

    def statement(self, node: nodes.Node) -> str:
        match node:
            case nodes.Output():
                return "".join(self.emitted(piece) for piece in node.nodes)
            case nodes.If():
                return self.if_block(node)
            case nodes.For():
                return self.for_block(node)
            case nodes.Assign():
                value = self.expression(node.node)
                return f"{{% set {self.target(node.target)} = _kept({value}) %}}"
        raise TemplateRefused(f"{statement_name(node)} is not available in a template here.")

    def emitted(self, node: nodes.Expr) -> str:
        if isinstance(node, nodes.TemplateData):
            return f"{{{{ {self.literal(node.data)} }}}}" if node.data else ""
        return f"{{{{ {self.expression(node)} }}}}"

    def if_block(self, node: nodes.If) -> str:
        written = f"{{% if {self.operand(node.test)} %}}{self.block(node.body)}"
        for other in node.elif_:
            written += f"{{% elif {self.operand(other.test)} %}}{self.block(other.body)}"
        if node.else_:
            written += f"{{% else %}}{self.block(node.else_)}"
        return written + "{% endif %}"

    def for_block(self, node: nodes.For) -> str:
        if node.recursive:
            raise TemplateRefused("A recursive loop is not available in a template here.")
        items, around = self.operand(node.iter), set(self.local)
        target = self.target(node.target)
        self.local.add("loop")
        condition = f" if {self.operand(node.test)}" if node.test else ""
        body = "{% set _t = _tick() %}" + self.block(node.body)
        self.local = around
        otherwise = f"{{% else %}}{self.block(node.else_)}" if node.else_ else ""
        return f"{{% for {target} in {items}{condition} %}}{body}{otherwise}{{% endfor %}}"

    def target(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Name):
            self.local.add(check_name(node.name))
            return node.name
        if isinstance(node, nodes.Tuple):
            return ", ".join(self.target(item) for item in node.items)
        raise TemplateRefused("Only a name can be set in a template.")

    # Expressions

    def expression(self, node: nodes.Node) -> str:
        self.depth += 1
        if self.depth > DEEPEST:
            raise TemplateRefused("The expression is nested too deeply.")
        written = self.written(node)
        self.depth -= 1
        return written

    def operand(self, node: nodes.Node) -> str:
        """An expression for an operation of MiniJinja's own, which does not know what is missing."""
        written = self.expression(node)
        plain = isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem | nodes.Filter | nodes.CondExpr)
        return f"_operand({written})" if plain or isinstance(node, nodes.And | nodes.Or) else written

    def written(self, node: nodes.Node) -> str:
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
                return f"_concatenate({self.several(node.nodes)})"
            case nodes.List() | nodes.Tuple():
                return f"_list({self.several(node.items)})"
            case nodes.Dict():
                return f"_object({self.several([half for pair in node.items for half in (pair.key, pair.value)])})"
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
            return f"_default({self.several_plain([node.node, *node.args])}{self.named(node.kwargs, ', ')})"
        if node.name in ("map", "select", "reject"):
            self.check_inner(node)
        arguments = self.arguments(node.args, node.kwargs)
        applied = f"{node.name}{f'({arguments})' if arguments else ''}"
        if node.name in NATIVE:
            return f"_kept({self.operand(node.node)}|{applied})"
        return f"({self.expression(node.node)}|{applied})"

    def check_inner(self, node: nodes.Filter) -> None:
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
        return ", ".join(self.operand(argument) for argument in args) + self.named(kwargs, ", " if args else "")

    def named(self, kwargs: list[Any], before: str) -> str:
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

    def several(self, items: list[Any]) -> str:
        """Arguments of which each counts before the next one is there: they are copies on their way to us."""
        return ", ".join(
            self.expression(item) if isinstance(item, nodes.Const) else f"_kept({self.expression(item)})"
            for item in items
        )

    def several_plain(self, items: list[Any]) -> str:
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


def statement_name(node: nodes.Node) -> str:
    names: Mapping[type[nodes.Node], str] = {
        nodes.AssignBlock: "A set block",
        nodes.Macro: "A macro",
        nodes.CallBlock: "A call block",
        nodes.FilterBlock: "A filter block",
    }
    return names.get(type(node), f"{{% {type(node).__name__.lower()} %}}")


_remembered: dict[str, CompiledTemplate] = {}
_parser = jinja2.Environment(keep_trailing_newline=True, autoescape=True)  # parses, renders nothing


def parse_template(source: str) -> nodes.Template:
    try:
        refuse_endless(source)
        return _parser.parse(source)
    except jinja2.TemplateSyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno and error.lineno > 1 else ""
        raise TemplateRefused(f"{where}{error.message}") from None
    except (RecursionError, ValueError, OverflowError):
        raise TemplateRefused("The template is nested too deeply.") from None


def refuse_endless(source: str) -> None:
    """The parser keeps every token and recurses on brackets, so both are counted first."""
    if len(source) > LONGEST_TEMPLATE:
        raise TemplateRefused(f"The template is longer than {LONGEST_TEMPLATE:,} characters.")
    tokens = open_brackets = 0
    for _, kind, sign in _parser.lexer.tokeniter(source, None):
        tokens += kind not in ("data", "whitespace", "comment")
        if kind == "operator":
            open_brackets += (sign in "([{") - (sign in ")]}")
        if tokens > MOST_TOKENS:
            raise TemplateRefused("The template has too many expressions. Split it.")
        if open_brackets > MOST_BRACKETS:
            raise TemplateRefused("The template is nested too deeply.")


def compile_template(source: str) -> CompiledTemplate:
    """Raises Refused."""
    found = remembered_template(source)
    if found is None:
        found = _compile(source)
        # Long templates are rare and would fill the memory.
        if len(source) <= LONGEST_REMEMBERED:
            _remembered[source] = found
            while len(_remembered) > MOST_REMEMBERED:
                _remembered.pop(next(iter(_remembered)), None)
    return found


def remembered_template(source: str) -> CompiledTemplate | None:
    """The template, if it was compiled a while ago."""
    return _remembered.get(source)


def _compile(source: str) -> CompiledTemplate:
    tree = parse_template(source)
    writer = Writer()
    single = single_expression(tree)
    try:
        written = writer.expression(single) if single is not None else writer.block(tree.body)
    except RecursionError:
        raise TemplateRefused("The template is nested too deeply.") from None
    return CompiledTemplate(
        source=written,
        expression=single is not None,
        variable=single.name if isinstance(single, nodes.Name) else None,
        literals=writer.literals,
        names=frozenset(writer.names - FUNCTIONS),
        guarded=frozenset(writer.guarded),
    )


def single_expression(tree: nodes.Template) -> nodes.Node | None:
    """The expression of a template that is exactly `{{ one }}`, blanks around it aside."""
    parts = [part for node in tree.body if isinstance(node, nodes.Output) for part in node.nodes]
    if len(tree.body) != sum(isinstance(node, nodes.Output) for node in tree.body):
        return None
    left = [part for part in parts if not (isinstance(part, nodes.TemplateData) and not part.data.strip())]
    return left[0] if len(left) == 1 and not isinstance(left[0], nodes.TemplateData) else None
