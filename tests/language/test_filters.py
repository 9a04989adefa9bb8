"""What the filters and operators of templates give."""

from typing import Any

import pytest

from connections.secret import Secret
from flows.language.expressions import ExpressionError, render
from flows.language.sandbox.operations import DEEPEST
from flows.language.scope import Scope
from flows.language.values import Response


@pytest.fixture
def scope() -> Scope:
    made = Scope()
    made.declare("text", "text", "one two three four")
    made.declare("person", "object", {"name": "Ada", "tags": ["a", "b"]})
    made.declare("flag", "boolean", True)
    made.declare("api_key", "secret", Secret("planted-key"))
    made.put("response", Response("Yes"))
    made.bind("nothing", None)
    return made


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ 'a\nb\n\nc' | indent }}", "a\n    b\n\n    c"),
        ("{{ 'a\n\nb' | indent(2, true, true) }}", "  a\n  \n  b"),
        ("{{ 'a\nb' | indent(-1) }}", "a\nb"),
        ("{{ 'a\nb' | indent(201) }}", "a\n" + " " * 200 + "b"),
        ("{{ text | truncate(18) }}", "one two three four"),
        ("{{ text | truncate(17) }}", "one two three..."),
        ("{{ text | truncate(11, true) }}", "one two ..."),
        ("{{ text | truncate(12, false, '') }}", "one two"),
        ("{{ text | truncate(2) }}", "..."),
        ("{{ text | split }}", ["one", "two", "three", "four"]),
        ("{{ text | split(' ', 1) }}", ["one", "two three four"]),
        ("{{ 'a,b' | split(',') }}", ["a", "b"]),
        ("{{ [1, 2, 3] | batch(2) }}", [[1, 2], [3]]),
        ("{{ [1, 2, 3] | batch(2, 0) }}", [[1, 2], [3, 0]]),
        ("{{ [1, 2, 3, 4, 5] | batch(2, 0) }}", [[1, 2], [3, 4], [5, 0]]),
        ("{{ [1, 2] | batch(1) }}", [[1], [2]]),
        ("{{ [] | batch(2, 0) }}", []),
        ("{{ 'a\n \nb' | lines }}", ["a", "b"]),
        ("{{ [1] | batch(10000) }}", [[1]]),
        ("{{ [1, 2] | sum(start=10) }}", 13),
        ("{{ ['a', 'b'] | join }}", "ab"),
        ("{{ [{'a': 1}, {'a': 2}] | join('; ', attribute='a') }}", "1; 2"),
        ("{{ '1.7' | int }}", 1),
        ("{{ 2.5 | int }}", 2),
        ("{{ 'x' | int }}", 0),
        ("{{ 'inf' | int(3) }}", 3),
        ("{{ flag | int }}", 1),
        ("{{ '1.5' | float }}", 1.5),
        ("{{ 'x' | float(2) }}", 2),
        ("{{ flag | float + 0.5 }}", 1.5),
        ("{{ nothing | int }}", 0),
        ("{{ 'a b/ä' | urlencode }}", "a%20b%2F%C3%A4"),
        ("{{ person | keys }}", ["name", "tags"]),
        ("{{ person | values }}", ["Ada", ["a", "b"]]),
        ("{{ person | list }}", ["name", "tags"]),
        ("{{ person | length }}{{ person.tags | count }}", "22"),
        ("{{ 'ab' | list }}", ["a", "b"]),
        ("{{ '  x ' | trim }}", "x"),
        ("{{ 'xxyx' | trim('x') }}", "y"),
        ("{{ 'oNE two' | title }}", "One Two"),
        ("{{ 'oNE two' | capitalize }}", "One two"),
        ("{{ 'ONE' | lower }}", "one"),
        ("{{ 3 | string }}", "3"),
        ("{{ 'aXa' | replace('a', 'bb') }}", "bbXbb"),
        ("{{ 'ab' | replace('', '-') }}", "-a-b-"),
        ("{{ {'a': 1} | tojson(2) }}", '{\n  "a": 1\n}'),
        ("{{ {'a': 1} | tojson(99) }}", '{\n        "a": 1\n}'),
        ("{{ {'a': 1} | tojson(0) }}", '{"a": 1}'),
        ("{{ range(2, 4) }}", [2, 3]),
        ("{{ range(10000) | length }}", 10_000),
        ("{{ 2 ** 64 }}", 2**64),
        ("{{ 2 ** -1 }}", 0.5),
        ("{{ 1000000000000000 ** 1 }}", 10**15),
        ("{{ [1] + [2] }}", [1, 2]),
        ("{{ 'a' + 'b' }}", "ab"),
        ("{{ response + '!' }}", "Yes!"),
        ("{{ 2 ** 60 * 2 ** 59 }}", 2**119),
        ("{{ text[-18] }}{{ text[-19] | default('?') }}{{ text.name | default('?') }}", "o??"),
        ("{{ flag.name | default('?') }}{{ 3[0] | default('?') }}", "??"),
        ("{{ text[-1] }}{{ text[18] | default('!') }}", "r!"),
        ("{{ '' | default('x') }}{{ 0 | default('y', true) }}", "y"),
        ("{% if 0 %}a{% elif flag %}b{% else %}c{% endif %}", "b"),
        ("{% set a, b = [1, 2] %}{{ a }}{{ b }}", "12"),
    ],
)
def test_a_filter_or_operator_gives(template: str, value: Any, scope: Scope) -> None:
    found = render(template, scope)

    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ [1] | batch(0) }}", "batch takes a size from 1 to 10,000."),
        ("{{ [1] | batch(10001) }}", "batch takes a size from 1 to 10,000."),
        ("{{ ['a'] | sum }}", "sum takes numbers."),
        ("{{ [true] | sum }}", "sum takes numbers."),
        ("{{ text | keys }}", "keys and values take an object."),
        ("{{ 3 | list }}", "It takes a list, not a number."),
        ("{{ flag | list }}", "It takes a list, not true or false."),
        ("{{ nothing | list }}", "It takes a list, not nothing."),
        ("{{ [1] | select('in', 3) | list }}", "in looks into a list, an object or a text, not a number."),
        ("{{ 'a' * 3 }}", "* takes two numbers, not a text and a number."),
        ("{{ person + [1] }}", "not an object and a list"),
        ("{{ 'a' ** 2 }}", "** takes two numbers."),
        ("{{ 2 ** 65 }}", "The power would be too large."),
        ("{{ 1000000000000001 ** 1 }}", "The power would be too large."),
        ("{{ (-8) ** 0.5 }}", "The power is not a real number."),
        ("{{ 2 ** 60 * 2 ** 60 }}", "The number would be too large."),
        ("{{ [['x', [api_key]]] | tojson }}", "api_key is a secret"),
        ("{{ {'a': {'b': api_key}} | tojson }}", "api_key is a secret"),
        ("{{ 10 ** 15 * 10 ** 15 * 10 ** 15 }}", "The number would be too large."),
        ("{{ 1000000000000000.0 ** 64 }}", "The number would be too large."),
        ("{{ range(10001) }}", "range() gives at most 10,000 numbers."),
        ("{% set a.b = 1 %}{{ a }}", "Only a name can be set in a template."),
    ],
)
def test_what_a_filter_or_operator_cannot_take_is_said(template: str, reason: str, scope: Scope) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(template, scope)

    assert reason in str(caught.value)


@pytest.mark.parametrize("again", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_a_value_may_be_nested_so_deep(again: Any, scope: Scope) -> None:
    deep: Any = 1
    for _ in range(DEEPEST):
        deep = again(deep)
    scope.bind("deep", deep)
    scope.bind("deeper", again(deep))

    assert len(render("{{ deep | tojson }}", scope)) >= 2 * DEEPEST
    with pytest.raises(ExpressionError, match="nested too deeply"):
        render("{{ deeper | tojson }}", scope)
