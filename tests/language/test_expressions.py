import resource
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connections.secret import Secret
from flows.language.expressions import ExpressionError, check, evaluate_condition, printed_names, render, templates_in
from flows.language.scope import Scope
from flows.language.values import ConnectionValue, Response

KEY = Secret("planted-key")
ANSWER = Response("Yes, gladly.", {"total_tokens": 12}, "stop", "gpt-4o-mini", json={"ok": True}, raw={"id": "c1"})


def a_connection(name: str) -> ConnectionValue:
    endpoint = SimpleNamespace(host="contoso.openai.azure.com")
    return ConnectionValue(name, cast(Any, SimpleNamespace(name=name, endpoint=endpoint, key=KEY)))


@pytest.fixture
def scope() -> Scope:
    made = Scope()
    made.declare("question", "text", "Where is my order?")
    made.declare("count", "number", 3)
    made.declare("flag", "boolean", True)
    made.declare("items", "list", [{"name": "pen", "price": 2}, {"name": "ink", "price": 5}])
    made.declare("person", "object", {"name": "Ada", "tags": ["a", "b"]})
    made.declare("empty", "text", None)
    made.declare("api_key", "secret", KEY)
    made.declare("connection", "connection", a_connection("tenant"))
    made.declare("wide", "text", "x" * 100_000)
    made.put("response", ANSWER)
    return made


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("plain text", "plain text"),
        ('{"json": {"stays": "as it is"}}', '{"json": {"stays": "as it is"}}'),
        ("{{ count }}", 3),
        ("  {{ count }}\n", 3),
        ("{{ count }}!", "3!"),
        ("{{ flag }} {{ none }}", "true "),
        ("{{ items }}", [{"name": "pen", "price": 2}, {"name": "ink", "price": 5}]),
        ("{{ items[1].name }}", "ink"),
        ("{{ items[-1]['price'] + count * 2 }}", 11),
        ("Items: {{ items }}", 'Items: [{"name": "pen", "price": 2}, {"name": "ink", "price": 5}]'),
        ("{{ person.name ~ ' ' ~ count }}", "Ada 3"),
        ("{{ {'who': person.name, 'n': [count]} }}", {"who": "Ada", "n": [3]}),
        ("{{ items | map(attribute='name') | join(', ') }}", "pen, ink"),
        ("{{ items | sum(attribute='price') }}", 7),
        ("{{ [1, 2, 3] | select('in', [2, 3, 4]) | list }}", [2, 3]),
        ("{{ 'a' is in(person.tags) and person.tags is containing('b') }}", True),
        ("{{ items | selectattr('price', 'gt', 3) | list }}", [{"name": "ink", "price": 5}]),
        ("{{ items | tojson }}", '[{"name": "pen", "price": 2}, {"name": "ink", "price": 5}]'),
        ("{% for item in items if item.price > 3 %}{{ loop.index }}:{{ item.name }};{% endfor %}", "1:ink;"),
        ("{% set question = question | upper %}{{ question }}", "WHERE IS MY ORDER?"),
        ("{% if count > 2 and flag %}many{% else %}few{% endif %}", "many"),
        ("{{ 'many' if count > 2 else 'few' }}", "many"),
        ("{{ unknown | default('none') }}", "none"),
        ("{{ person.nickname | default(person.name) }}", "Ada"),
        ("{{ '' | default('empty', true) }}", "empty"),
        ("{{ person.nickname is defined }}", False),
        ("{{ question[:5] }}", "Where"),
        ("{{ question | length }}", 18),
        ("{{ 'a\nb\n\nc' | lines }}", ["a", "b", "c"]),
        ("{{ response }}", ANSWER),
        ("Answer: {{ response }}", "Answer: Yes, gladly."),
        ("{{ response.usage.total_tokens }}", 12),
        ("{{ response.finish_reason }} {{ response.model }} {{ response.raw.id }}", "stop gpt-4o-mini c1"),
        ("{{ response.json.ok }}", True),
        ("{{ response == 'Yes, gladly.' and 'gladly' in response }}", True),
        ("{{ response | upper }}", "YES, GLADLY."),
        ("{{ api_key }}", KEY),
        ("{{ {'key': api_key} }}", {"key": KEY}),
        ("via {{ connection }}", "via tenant"),
        ("{{ connection.name }}", "tenant"),
        ("{# a remark #}{{ count }}", 3),
        ("<b>{{ '<i>' }}</b>", "<b><i></b>"),
    ],
)
def test_a_template_gives(template: str, value: Any, scope: Scope) -> None:
    scope.bind("none", None)

    rendered = render(template, scope)

    assert rendered == value
    assert type(rendered) is type(value)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ foo }}", "`foo` is not a variable here. Variables here: api_key, connection, count"),
        ("{{ foo.bar | upper }}", "`foo` is not a variable here"),
        ("{{ person.nickname }}", "There is no `nickname` in `person`."),
        ("{{ person.nickname | upper }}", "There is no `nickname` in `person`."),
        ("{{ person.nickname.first }}", "There is no `nickname` in `person`."),
        ("{% if person.nickname %}x{% endif %}", "There is no `nickname` in `person`."),
        ("{{ items[7] }}", "There is no `7` in `items`."),
        ("{{ person.keys }}", "There is no `keys` in `person`."),
        ("Key: {{ api_key }}", "api_key is a secret: hand it whole to a secret property"),
        ("{{ api_key ~ '' }}", "api_key is a secret"),
        ("{{ api_key | upper }}", "api_key is a secret"),
        ("{{ {'key': api_key} | tojson }}", "api_key is a secret"),
        ("{{ [api_key] | join }}", "api_key is a secret"),
        ("{{ api_key.reveal }}", "There is no `reveal` in `api_key`."),
        ("{{ connection.target.key }}", "There is no `target` in `connection`."),
        ("{{ response._response }}", "_response is not a name that can be used here"),
        ("{{ response['__class__'] }}", "__class__ is not a name"),
        ("{{ question.__class__.__mro__ }}", "__class__ is not a name"),
        ("{{ items | map(attribute='__class__') | list }}", "__class__ is not a name"),
        ("{{ person['__cl' ~ 'ass__'] }}", "There is no `__class__` in `person`."),
        ("{{ question.upper() }}", "Methods are not available; use a filter"),
        ("{{ person.items() }}", "Methods are not available"),
        ("{{ namespace(a=1) }}", "can be called"),
        ("{{ lipsum(9) }}", "can be called"),
        ("{{ question | center(9) }}", "There is no filter center. Filters: abs, batch"),
        ("{{ question is callable }}", "There is no test callable"),
        ("{% macro m() %}{% endmacro %}", "A macro is not available"),
        ("{% include 'x' %}", "include %} is not available"),
        ("{% import 'x' as y %}", "import %} is not available"),
        ("{% extends 'x' %}", "extends %} is not available"),
        ("{% block a %}{% endblock %}", "block %} is not available"),
        ("{% set x %}y{% endset %}", "A set block is not available"),
        ("{% filter upper %}y{% endfilter %}", "A filter block is not available"),
        ("{% for i in items recursive %}{% endfor %}", "recursive loop is not available"),
        ("{{ 1 / 0 }}", "unable to calculate 1 / 0"),
        ("{{ 1 + 'a' }}", "takes two numbers, two texts or two lists"),
        ("{{", "unexpected 'end of template'"),
        ("a\nb {{ }}", "line 2: "),
        ("{{ _literals }}", "_literals is not a name"),
    ],
)
def test_a_template_fails_with_a_sentence(template: str, reason: str, scope: Scope) -> None:
    with pytest.raises(ExpressionError) as failed:
        render(template, scope)

    assert reason in str(failed.value)
    assert "planted" not in str(failed.value)


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("count > 2", True),
        ("{{ count > 2 }}", True),
        ("question | length > 400", False),
        ("not items", False),
        ("empty", False),
        ("empty is none", True),
        ("person.nickname is defined", False),
        ("response", True),
        ("response.usage.total_tokens", True),
        ("'order' in question and flag", True),
        ("question", True),
    ],
)
def test_a_condition_holds_or_not(expression: str, holds: bool, scope: Scope) -> None:
    assert evaluate_condition(expression, scope) is holds


@pytest.mark.parametrize("expression", ["", "   ", "{{ a }} and {{ b }}", "count >", "nothing > 1", "person.age > 3"])
def test_a_broken_condition_is_an_error(expression: str, scope: Scope) -> None:
    with pytest.raises(ExpressionError):
        evaluate_condition(expression, scope)


BOMBS = {
    "nested ranges": "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "empty nested ranges": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "work in a loop": "{% for a in range(9999) %}{% set b = wide | replace('x', 'y') %}{% endfor %}",
    "unseen work in a loop": "{% for a in range(9999) %}{% if wide | reverse == wide %}{% endif %}{% endfor %}",
    "slices in a loop": "{% for a in range(9999) %}{% if wide[a:] == wide %}{% endif %}{% endfor %}",
    "replace of a replace": "{{ wide | replace('x', wide) | replace('x', wide) }}",
    "replace of nothing": "{{ wide | replace('', wide) }}",
    "doubling": "{% set a = 'x' %}" + "{% set a = a ~ a %}\n" * 40 + "{{ a }}",
    "doubling with plus": "{% set a = 'x' %}" + "{% set a = a + a %}" * 40,
    "doubling a list": "{% set a = [1] %}" + "{% set a = a + a %}" * 40,
    "nesting a list": "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40,
    "nesting without growing": "{% set a = [1] %}" + "{% set a = [a] %}" * 800 + "{{ a }}",
    "many kept values": "".join(f"{{% set a{n} = wide ~ {n} %}}" for n in range(500)),
    "many kept parts": "{% set b = [wide] %}" + "".join(f"{{% set a{n} = b[0] %}}" for n in range(500)),
    "many kept slices": "".join(f"{{% set a{n} = wide[1:] %}}" for n in range(500)),
    "a wide list": "{{ [" + "wide, " * 2_000 + "] }}",
    "a wide object": "{{ {" + ", ".join(f"'k{n}': wide" for n in range(1_000)) + "} }}",
    "concatenation": "{{ " + " ~ ".join(["wide"] * 1_000) + " }}",
    "a default for each": "{{ range(9999) | map(attribute='x', default=wide) | join }}",
    "a mapped default": "{{ range(9999) | map('default', wide) | join }}",
    "a map of a map": "{{ [range(9999)] | map('map', 'default', wide) | list }}",
    "everything in everything": "{% set l = range(9999) | batch(1) %}{% for a in l %}{% if range(9999) | select('in', l) | list %}{% endif %}{% endfor %}",
    "sorted over and over": "{% set l = range(9999) %}{% for a in l %}{% if l | sort == l %}{% endif %}{% endfor %}",
    "multiplied text": "{{ 'a' * 10**10 }}",
    "multiplied list": "{{ [wide] * 10**6 }}",
    "a power of a power": "{{ 10**10**10 }}",
    "growing numbers": "{% set a = 10**15 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "a long range": "{{ range(10**9) }}",
    "brackets": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "lists in lists": "{{ " + "[" * 3_000 + "]" * 3_000 + " }}",
    "not not": "{{ " + "not " * 5_000 + "1 }}",
    "minus minus": "{{ " + "-" * 5_000 + "1 }}",
    "one plus one": "{{ " + "1 + " * 2_000 + "1 }}",
    "ifs in ifs": "{% if 1 %}" * 900 + "{% endif %}" * 900,
    "filters of filters": "{{ 1 " + "| abs " * 2_500 + "}}",
    "attributes": "{{ person" + ".a" * 2_500 + " }}",
    "either or": "{{ " + "1 if 1 else " * 1_900 + "1 }}",
    "a million expressions": "{{ 1 }}" * 100_000,
    "a huge literal": "{{ [" + "1, " * 300_000 + "] }}",
    "literal text in a loop": "{% for a in range(9999) %}" + "y" * 5_000 + "{% endfor %}",
    "join": "{{ range(9999) | join(wide) }}",
    "center": "{{ 'a' | center(10**9) }}",
    "ljust": "{{ 'a'.ljust(10**9) }}",
    "format": "{{ '%0999999999d' | format(1) }}",
    "indent": "{{ ('x\n' * 3) | indent(10**9) }}",
    "indent of lines": "{{ (wide | replace('x', 'x\n')) | indent(200) }}",
    "batch": "{% set l = range(9999) | list %}{{ l | batch(10**9, wide) }}",
    "batch of a text": "{{ range(9999) | batch(9998, wide) | map('join') | join }}",
    "urlencode": "{{ (wide | replace('x', 'ä' * 9)) | urlencode }}",
    "indented JSON": "{{ range(9999) | batch(2) | tojson(indent=8) | replace(' ', wide) }}",
    "a text as list": "{{ (wide ~ wide ~ wide ~ wide) | list }}",
    "namespace": "{% set n = namespace(a='x') %}{% for i in range(40) %}{% set n.a = n.a ~ n.a %}{% endfor %}",
    "macro": "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{{ m(m(m(wide))) }}",
    "large number": "{{ 99999999999999999999999999 }}",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_template_takes_the_process_down(bomb: str, scope: Scope) -> None:
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

    with pytest.raises(ExpressionError):
        render(BOMBS[bomb], scope)

    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert time.process_time() - started < 2
    assert grown < 150


def test_an_honest_loop_over_ten_thousand_lines_is_fine(scope: Scope) -> None:
    scope.declare("rows", "list", [{"id": n, "text": "some words"} for n in range(10_000)])

    rendered = render(
        "{% for row in rows %}{% if row.id % 2 %}{{ row.id }}: {{ row.text | upper }}\n{% endif %}{% endfor %}", scope
    )

    assert rendered.count("\n") == 5_000


def test_a_large_value_is_handed_on_whole(scope: Scope) -> None:
    scope.declare("document", "text", "x" * 10_000_000)

    assert len(render("{{ document }}", scope)) == 10_000_000


PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "question",
        "items",
        "foo",
        "api_key",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ".",
        "|",
        "~",
        "**",
        "*",
        "+",
        "-",
        "1",
        "0",
        "'a'",
        '"',
        "\\",
        " ",
        "\n",
        ",",
        ":",
        "=",
        "if",
        "else",
        "endif",
        "for",
        "in",
        "endfor",
        "set",
        "is",
        "not",
        "loop",
        "range",
        "upper",
        "length",
        "default",
        "join",
        "_x",
        "é",
        "\x00",
        "�",
        "raw",
        "endraw",
        "true",
        "none",
        "defined",
        "response",
        "name",
    ]
)


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=30))
@example("{{ 1e999 }}")
@example("{{ '\\ud800' }}")
@settings(max_examples=400, deadline=None)
def test_a_template_never_raises_anything_but_its_own_error(template: str) -> None:
    scope = Scope()
    scope.declare("question", "text", "Where?")
    scope.declare("items", "list", [1, "a", None])
    scope.declare("api_key", "secret", KEY)
    scope.put("response", ANSWER)
    for evaluate in (
        lambda: render(template, scope),
        lambda: evaluate_condition(template, scope),
        lambda: check(template),
    ):
        try:
            assert "planted" not in str(evaluate())
        except ExpressionError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("text", set()),
        ("{{ a.b[c] }} {{ d | default(e) }}", {"a", "c", "e"}),
        ("{% for x in xs %}{{ x }}{{ loop.index }}{% endfor %}", {"xs"}),
        ("{% for x in xs %}{% endfor %}{{ x }}", {"xs", "x"}),
        ("{% if a is defined and a > 1 %}{{ b }}{% endif %}", {"b"}),
        ("{% set a = a + 1 %}{{ a }}", {"a"}),
        ("{{ range(n) }}", {"n"}),
    ],
)
def test_check_names_what_a_template_needs(template: str, names: set[str]) -> None:
    assert check(template) == names


def test_a_variable_lives_in_its_block_and_those_inside() -> None:
    outer = Scope()
    outer.declare("a", "number", 1)
    inner = outer.child()
    inner.declare("b", "text", "x")
    inner.declare("c", "number", 2, global_=True)
    inner.put("a", 5)

    assert (outer.get("a"), outer.get("b"), outer.get("c")) == (5, None, 2)
    assert inner.names() == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("type", "value", "converted"),
    [
        ("number", " 12 ", 12),
        ("number", "1.5", 1.5),
        ("number", 7.0, 7.0),
        ("boolean", "yes", True),
        ("list", "[1, 2]", [1, 2]),
        ("object", '{"a": 1}', {"a": 1}),
        ("text", 3, "3"),
        ("text", ["a"], '["a"]'),
        ("secret", "x", Secret("x")),
        ("number", None, None),
    ],
)
def test_a_value_becomes_what_its_variable_is(type: str, value: Any, converted: Any) -> None:
    scope = Scope()
    scope.declare("a", type, value)

    assert scope.get("a") == converted


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("number", "many"),
        ("number", True),
        ("number", "nan"),
        ("boolean", "maybe"),
        ("list", "x"),
        ("list", {"a": 1}),
        ("object", []),
        ("connection", "contoso"),
        ("text", KEY),
        ("date", "today"),
    ],
)
def test_a_value_of_another_kind_is_refused(type: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        Scope().declare("a", type, value)


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("plain x", set()),
        ("{{ x }} and {{ inputs.y }}", {"x", "y"}),
        ("{{ inputs['x'] }}", {"x"}),
        ("{{ inputs[x] }}{{ other.x }}", set()),
        ("{{ x | default(y) }}{{ z | upper }}", {"x"}),
        ("{{ x if y else z }}", {"x", "z"}),
        ("{{ x if y }}", {"x"}),
        ("{{ x + y ~ z }}", {"x", "y", "z"}),
        ("{{ x == y }}{{ x * 2 }}", set()),
        ("{% if x %}{{ y }}{% endif %}", {"y"}),
        ("{{ x", set()),
        ("{{ x }}".ljust(9_000), {"x"}),
    ],
)
def test_what_comes_out_of_a_template_as_it_is(template: str, names: set[str]) -> None:
    assert printed_names(template) == names


def test_every_template_of_a_value_is_found() -> None:
    assert list(templates_in({"a": ["x", {"b": "y"}, 3], "c": None, "d": ("z",)})) == ["x", "y"]
    assert list(templates_in("x")) == ["x"]
