"""How templates are rewritten for the sandbox: what is refused before anything runs, and which variables are read."""

from typing import Any

import pytest

from flows.language.expressions import ExpressionError, check, render
from flows.language.sandbox.expression_writer import DEEPEST
from flows.language.sandbox.rewrite import LONGEST_TEMPLATE, MOST_BRACKETS, MOST_TOKENS, tokens_of
from flows.language.scope import Scope


@pytest.fixture
def scope() -> Scope:
    made = Scope()
    for name, value in {"x": 1, "yes": True, "no": False, "none_at_all": [], "items": [1, 2]}.items():
        made.bind(name, value)
    return made


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ +x }}", 1),
        ("{{ 'a' if no }}", ""),
        ("{{ 'a' if yes }}", "a"),
        ("{{ 'a' if no else 'b' }}", "b"),
        ("{% if no %}a{% else %}b{% endif %}", "b"),
        ("{% if no %}a{% endif %}.", "."),
        ("{% for i in none_at_all %}a{% else %}b{% endfor %}", "b"),
        ("{% for i in items %}{{ loop.index }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2"),
        ("{{ 0 < x <= 1 < 3 }}", True),
        ("{{ items[::-1] }}", [2, 1]),
        ("{{ items[1:] }}", [2]),
        ("{{ 999999999999999999 }}", 10**18 - 1),
        ("{{ items | map('string') | list }}", ["1", "2"]),
        ("{{ items | reject('odd') | list }}", [2]),
        ("{{ nobody is undefined }}", True),
    ],
)
def test_a_construct_gives(template: str, value: Any, scope: Scope) -> None:
    assert render(template, scope) == value


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ loop.index }}", {"loop"}),
        ("{% for i in items %}{{ loop.index }}{{ i }}{{ j }}{% endfor %}{{ i }}", {"items", "j", "i"}),
        ("{% for i in items %}{% endfor %}{{ loop.index }}", {"items", "loop"}),
        ("{% set a = x %}{{ a }}", {"x"}),
        ("{% for a, b in items if a > x %}{{ b }}{% else %}{{ b }}{% endfor %}", {"items", "x", "b"}),
        ("{{ y is defined }}{{ z | d(x) }}", {"x"}),
        ("{{ range(x) }}", {"x"}),
        ("no {{ 'x' }}", set()),
    ],
)
def test_the_variables_that_a_template_needs(template: str, names: set[str]) -> None:
    assert check(template) == names


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ 1000000000000000000 }}", "A number is larger than 18 digits."),
        ("{{ items | map('odd') }}", "map takes the name of a known filter."),
        ("{{ items | map('map') }}", "map takes the name of a known filter."),
        ("{{ items | select('trim') }}", "select takes the name of a known test."),
        ("{{ items | map(attribute=x) }}", "attribute takes a literal name."),
        ("{{ items | map(attribute='a._b') }}", "a._b is not a name that can be used here."),
        ("{{ items | map('default', default=1) }}", "map takes no default here."),
        ("{{ x is nope }}", "There is no test nope. Tests: "),
        ("{% set ü = 1 %}", "is not a name that can be used here."),
        ("a\nb\n{{ x + }}", "line 3: "),
    ],
)
def test_what_is_refused_is_said(template: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=r".") as refused:
        check(template)
    assert reason in str(refused.value)


def nested_lists(count: int) -> str:
    return "{{ " + "[" * count + "]" * count + " }}"


def nested_ifs(count: int) -> str:
    return "{% if x %}" * count + "a" + "{% endif %}" * count


def sums(count: int) -> str:
    return "{{ x }}" * count + " text" * 9


@pytest.mark.parametrize(
    ("template", "most", "reason"),
    [
        (lambda count: "{{ x }}".ljust(count), LONGEST_TEMPLATE, f"longer than {LONGEST_TEMPLATE:,} characters"),
        (sums, MOST_TOKENS // 3, "The template has too many expressions. Split it."),
        (nested_ifs, DEEPEST - 1, "is nested too deeply"),
        (lambda count: "{{ " + "not " * count + "x }}", DEEPEST - 1, "is nested too deeply"),
    ],
)
def test_a_template_may_be_as_long_and_as_deep_as_its_limits(template: Any, most: int, reason: str) -> None:
    check(template(most))
    with pytest.raises(ExpressionError, match=reason):
        check(template(most + 1))


def test_brackets_are_counted_before_anything_recurses_on_them() -> None:
    check(nested_lists(30))
    for opening in ("{{ " + "[" * (MOST_BRACKETS + 1), "{{ " + "(" * 50_000, nested_lists(MOST_BRACKETS + 1)):
        with pytest.raises(ExpressionError, match="The template is nested too deeply"):
            check(opening)


def test_what_stands_side_by_side_is_not_deep() -> None:
    check("{{ [[[x]]] }}" * 200 + "{% if x %}{{ (x) }}{% endif %}" * 200)


def test_the_pieces_of_an_expression_know_their_brackets_and_blanks() -> None:
    pieces = [
        (token.text, token.is_word, token.depth, token.before) for token in tokens_of("f( [a],\n {'b':1} ) and  x")
    ]
    assert pieces == [
        ("f", True, 0, " "), ("(", False, 0, ""), ("[", False, 1, " "), ("a", True, 2, ""), ("]", False, 1, ""),
        (",", False, 1, ""), ("{", False, 1, "\n "), ("'b'", False, 2, ""), (":", False, 2, ""), ("1", False, 2, ""),
        ("}", False, 1, ""), (")", False, 0, " "), ("and", True, 0, " "), ("x", True, 0, "  "),
    ]  # fmt: skip
