"""Writes a template anew, statement by statement, so that it can do no harm.

Jinja2's parser gives the tree; only the nodes listed here are allowed. Every operation that can make a value
grow (+ * ** ~, lists, literal text) goes through a function that knows a bound, so no template can take the
memory of the process, and MiniJinja's fuel bounds its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jinja2
from jinja2 import nodes

from flows.language.sandbox.expression_writer import DEEPEST, FUNCTIONS, ExpressionWriter, TemplateRefused, check_name

LONGEST_TEMPLATE = 1_000_000  # characters
MOST_BRACKETS = 100  # open at the same time
MOST_TOKENS = 6_000  # names, operators and tags
LONGEST_REMEMBERED = 10_000  # characters
MOST_REMEMBERED = 2_048  # templates


@dataclass(frozen=True)
class CompiledTemplate:
    """`expression` is set when the template is exactly one; `source` is for MiniJinja; names are those it reads."""

    source: str
    expression: bool
    variable: str | None  # its name, when the expression is nothing but a variable
    literals: list[str]
    names: frozenset[str]
    guarded: frozenset[str]  # names that may be undefined: tested or given a default


class TemplateWriter(ExpressionWriter):
    """Turns nodes of statements back into source, too."""

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
                return "".join(self.output(piece) for piece in node.nodes)
            case nodes.If():
                return self.if_block(node)
            case nodes.For():
                return self.for_block(node)
            case nodes.Assign():
                value = self.expression(node.node)
                return f"{{% set {self.target(node.target)} = _kept({value}) %}}"
        raise TemplateRefused(f"{statement_name(node)} is not available in a template here.")

    def output(self, node: nodes.Expr) -> str:
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


@dataclass(frozen=True)
class Token:
    """A piece of an expression."""

    text: str
    is_word: bool  # a name, or a word such as `and`; no text in quotes
    depth: int  # of the brackets that it stands in; a bracket itself stands outside of its own
    before: str  # blanks


def tokens_of(expression: str) -> list[Token]:
    """The pieces of a bare expression that can be parsed. Raises TemplateRefused where it is not one expression."""
    found: list[Token] = []
    depth, blanks = 0, ""
    try:
        pieces = list(_parser.lexer.tokeniter(f"{{{{ {expression} }}}}", None))
    except jinja2.TemplateSyntaxError as error:
        raise TemplateRefused(str(error.message)) from None
    if [kind for _, kind, _ in pieces].count("variable_end") != 1 or pieces[-1][1] != "variable_end":
        raise TemplateRefused("It is not one expression.")
    for _, kind, text in pieces[1:-1]:
        if kind == "whitespace":
            blanks += text
            continue
        depth -= kind == "operator" and text in ")]}"
        found.append(Token(text, kind == "name", depth, blanks))
        depth += kind == "operator" and text in "([{"
        blanks = ""
    return found


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
    writer = TemplateWriter()
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
