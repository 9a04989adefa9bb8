"""A condition as rows: value, comparison, value, of which all or any have to hold. The expression is what is stored.

Rows are derived from an expression only where writing them gives the very same expression again, blanks and brackets
aside; anything else stays an expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flows.language.expressions import ExpressionError, as_template, bare_expression, check
from flows.language.sandbox.expression_writer import TemplateRefused
from flows.language.sandbox.rewrite import Token, parse_template, tokens_of

MOST_ROWS = 50
ALL, ANY = "and", "or"


@dataclass(frozen=True)
class Comparison:
    """`written` is how an expression says it, of `{left}` and, where there is one, `{right}`."""

    label: str
    written: str

    @property
    def has_right(self) -> bool:
        return "{right}" in self.written


COMPARISONS = (
    Comparison("is", "{left} == {right}"),
    Comparison("is not", "{left} != {right}"),
    Comparison("is more than", "{left} > {right}"),
    Comparison("is at least", "{left} >= {right}"),
    Comparison("is less than", "{left} < {right}"),
    Comparison("is at most", "{left} <= {right}"),
    Comparison("contains", "{right} in {left}"),
    Comparison("does not contain", "{right} not in {left}"),
    Comparison("is one of", "{left} in {right}"),
    Comparison("is none of", "{left} not in {right}"),
    Comparison("starts with", "{left} is startingwith({right})"),
    Comparison("ends with", "{left} is endingwith({right})"),
    Comparison("is set", "{left} is defined"),
    Comparison("is not set", "{left} is not defined"),
    Comparison("is true", "{left}"),
    Comparison("is false", "not {left}"),
)
BY_LABEL = {comparison.label: comparison for comparison in COMPARISONS}
SIGNS = {"==": "is", "!=": "is not", ">": "is more than", ">=": "is at least", "<": "is less than", "<=": "is at most"}
TESTS = {"startingwith": "starts with", "endingwith": "ends with"}
WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})  # that join values
ARITHMETIC = frozenset({"+", "-", "*", "/", "//", "%", "**", "~"})


@dataclass(frozen=True)
class ConditionRow:
    """`left` and `right` are expressions; `right` is empty where the comparison has none."""

    left: str
    comparison: str  # its label
    right: str = ""


@dataclass(frozen=True)
class ConditionRows:
    rows: Sequence[ConditionRow] = ()
    joined_by: str = ALL

    @property
    def expression(self) -> str:
        return f" {self.joined_by} ".join(
            BY_LABEL[row.comparison].written.format(left=row.left, right=row.right) for row in self.rows
        )


def rows_of(expression: str) -> ConditionRows | None:
    """The rows of a bare expression, none for an empty one; None where it cannot be shown as rows."""
    bare = bare_expression(expression)
    if not bare:
        return ConditionRows()
    try:
        check(as_template(bare))
        made = read_rows(tokens_of(bare))
        return made if made is not None and tree_of(made.expression) == tree_of(bare) else None
    except (ExpressionError, TemplateRefused):
        return None


def tree_of(expression: str) -> object:
    return parse_template(as_template(expression))


def read_rows(tokens: Sequence[Token]) -> ConditionRows | None:
    joints = {token.text for token in tokens if token.depth == 0 and token.text in (ALL, ANY)}
    parts = list(split(tokens))
    if len(joints) > 1 or len(parts) > MOST_ROWS:
        return None
    rows = [row_of(part) for part in parts]
    return None if None in rows else ConditionRows([row for row in rows if row], *joints)


def split(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The parts between and, or between or."""
    part: list[Token] = []
    for token in tokens:
        if token.depth == 0 and token.text in (ALL, ANY):
            yield part
            part = []
        else:
            part.append(token)
    yield part


def row_of(tokens: Sequence[Token]) -> ConditionRow | None:
    if tokens and tokens[0].text == "not" and tokens[0].is_word:
        return row("is false", tokens[1:])
    joints = [at for at, token in enumerate(tokens) if is_comparing(token)]
    if not joints:
        return row("is true", tokens)
    at = joints[0]
    left, rest = tokens[:at], tokens[at + 1 :]
    match tokens[at].text:
        case "in":
            return row_of_containment(left, rest)
        case "not" if rest and rest[0].text == "in":
            return row_of_containment(left, rest[1:], "not ")
        case "is":
            return row_of_test(left, rest)
        case sign:
            return row(SIGNS[sign], left, rest) if sign in SIGNS else None


def is_comparing(token: Token) -> bool:
    return token.depth == 0 and (token.text in SIGNS or (token.is_word and token.text in ("in", "not", "is")))


def row_of_containment(left: Sequence[Token], right: Sequence[Token], negated: str = "") -> ConditionRow | None:
    """In a list that is written down: one of it. In anything else: what stands on the right contains it."""
    if right and right[0].text == "[":
        return row("is none of" if negated else "is one of", left, right)
    return row("does not contain" if negated else "contains", right, left)


def row_of_test(left: Sequence[Token], rest: Sequence[Token]) -> ConditionRow | None:
    words = [token.text for token in rest]
    if any(token.depth == 0 and token.text in ARITHMETIC for token in left):
        return None  # a test is of the last operand alone
    if words in (["defined"], ["not", "defined"]):
        return row("is set" if len(words) == 1 else "is not set", left)
    if len(words) > 3 and words[0] in TESTS and words[1] == "(" and words[-1] == ")":
        return row(TESTS[words[0]], left, rest[2:-1], depth=1)
    return None


def row(comparison: str, left: Sequence[Token], right: Sequence[Token] = (), depth: int = 0) -> ConditionRow | None:
    has_right = BY_LABEL[comparison].has_right
    if not is_value(left) or (has_right and not is_value(right, depth)):
        return None
    return ConditionRow(source_of(left), comparison, source_of(right) if has_right else "")


def is_value(tokens: Sequence[Token], depth: int = 0) -> bool:
    """Whether it is one value by itself."""
    return bool(tokens) and not any(
        token.depth == depth and ((token.is_word and token.text in WORDS) or token.text in (*SIGNS, ",", "=", ":"))
        for token in tokens
    )


def source_of(tokens: Sequence[Token]) -> str:
    """As it was written, blanks between its tokens included."""
    return "".join(token.before + token.text for token in tokens).strip()
