"""Kinds of properties: what a run gets, what lint says, what the card says."""

import pytest

from connections.secret import Secret
from flows.language.python_source import LONGEST_CODE
from flows.language.scope import Scope, VariableInScope
from flows.properties.address import AddressProperty
from flows.properties.assigned_value import AssignedValueProperty
from flows.properties.base import LintContext, SecretContext, read_stored, text_of
from flows.properties.choice import ChoiceProperty
from flows.properties.code import CodeProperty
from flows.properties.condition import ConditionProperty
from flows.properties.connection import ConnectionProperty
from flows.properties.connection_variable import ConnectionVariableProperty
from flows.properties.declarations import DeclarationsProperty
from flows.properties.deferred_value import DeferredValueProperty
from flows.properties.flow import FlowProperty
from flows.properties.flow_inputs import FlowInputsProperty
from flows.properties.long_text import LongTextProperty
from flows.properties.new_variable import ANY_BRANCH, NewVariableProperty
from flows.properties.number import NumberProperty
from flows.properties.secret import SecretProperty
from flows.properties.sql import NO_TEMPLATES, SqlProperty
from flows.properties.text import TextProperty
from flows.properties.value import ValueProperty
from flows.properties.variable import VariableProperty

KEY = "s0123456789ab"
KEPT = {"secret": KEY}
ROWS = [{"name": "a", "type": "number", "value": "{{ n }}"}, {"name": "b", "value": "{{ a }}{{ a }}", "global": True}]
LINK = "https://contoso.openai.azure.com/openai/v1?api-key=" + "0123456789abcdef" * 2


@pytest.fixture
def scope():
    made = Scope()
    for name, type, value in (("n", "number", 3), ("t", "text", "x"), ("l", "list", [1]), ("s", "secret", Secret("k"))):
        made.declare(name, type, value)
    return made


def context(**changed):
    given = {
        "variables": {
            **{name: VariableInScope(name, "", "Start") for name in ("n", "t")},
            **{name: VariableInScope(name, "secret", "Start") for name in ("k", "b")},
            "m": VariableInScope("m", "", "Log", may_be_unset=True),
        },
        "variables_before_body": dict,
        "variables_after_body": lambda: {"late": VariableInScope("late", "", "Log")},
        "connections": {"contoso"},
        "connection_kinds": {},
        "troubles": {},
        "environment_secrets": {"CRM_KEY"},
        "agent_places": {},
        "without_embeddings": {},
        "is_overridden": False,
        "others": {},
    }
    return LintContext(**{**given, **changed})


NOWHERE = "is not a variable here. Declare it above, or make it an input."
HAND_OVER = "Hand it to a property for secrets alone."
MAY_BE_UNSET = "`m` may not be set here: Log sets it, which not every way leads through. Set it in every branch,"
CODE = CodeProperty(label="A", arguments="arguments", limits=("seconds", "megabytes", "calls"))


def said(property, value, **changed):
    return [(finding.message, finding.severity) for finding in property.problems(value, context(**changed))]


@pytest.mark.parametrize(
    ("property", "stored", "value"),
    [
        (TextProperty(label="A"), "{{ n }} {{ t }}", "3 x"),
        (TextProperty(label="A"), "{{ l }}", "[1]"),
        (TextProperty(label="A"), 5, "5"),
        (TextProperty(label="A", default="d"), "", "d"),
        (TextProperty(label="A"), None, None),
        (LongTextProperty(label="A"), "{{ t }}\ny", "x\ny"),
        (ValueProperty(label="A"), {"a": ["{{ l }}", "{{ n }}!"]}, {"a": [[1], "3!"]}),
        (ValueProperty(label="A"), "", None),
        (DeferredValueProperty(label="A"), "{{ n }}", "{{ n }}"),
        (ConditionProperty(label="A"), "n > 2", "n > 2"),
        (ConditionProperty(label="A"), True, "true"),
        (NumberProperty(label="A"), "{{ n }}", 3),
        (NumberProperty(label="A"), "2.5", 2.5),
        (NumberProperty(label="A", whole=True), "{{ n / 2 }}", 1),
        (NumberProperty(label="A", default=7), None, 7),
        (NumberProperty(label="A", minimum=3, maximum=3), "{{ n }}", 3),
        (NumberProperty(label="A"), "{{ '' }}", None),
        (ChoiceProperty(label="A", choices=("x", "y")), "y", "y"),
        (SecretProperty(label="A"), "{{ s }}", Secret("k")),
        (SecretProperty(label="A"), "{{ t }}", Secret("x")),
        (ConnectionProperty(label="A"), "contoso", "contoso"),
        (VariableProperty(label="A"), "n", "n"),
        (NewVariableProperty(label="A", default="made"), "", "made"),
        (
            DeclarationsProperty(label="A"),
            ROWS,
            [
                {"name": "a", "type": "number", "value": 3, "global": False},
                {"name": "b", "type": "text", "value": "33", "global": True},
            ],
        ),
        (
            DeclarationsProperty(label="A"),
            [{"name": "a", "value": ""}, {"name": "b", "type": "number", "value": ""}],
            [
                {"name": "a", "type": "text", "value": "", "global": False},
                {"name": "b", "type": "number", "value": None, "global": False},
            ],
        ),
        (CODE, "def f(): return 1", "def f(): return 1"),
        (SqlProperty(label="A"), "select 1", "select 1"),
    ],
)
async def test_what_a_run_gets(scope, property, stored, value):
    assert await read_stored(property, stored, scope) == value


@pytest.mark.parametrize(
    ("property", "stored", "words"),
    [
        (TextProperty(label="A"), "{{ s }}", "a secret goes only into a secret property"),
        (NumberProperty(label="A", minimum=1), 0, "0 is less than 1"),
        (NumberProperty(label="A", maximum=1), "{{ n }}", "3 is more than 1"),
        (NumberProperty(label="A"), "many", "is not a number"),
        (ChoiceProperty(label="A", choices=("x", "y")), "z", "'z' is not one of x, y"),
        (ConnectionProperty(label="A"), 5, "5 is not a name"),
        (DeclarationsProperty(label="A"), [{"type": "text"}], "a variable has no name"),
        (DeclarationsProperty(label="A"), [{"name": "a", "type": "number", "value": "x"}], "^a is not a number"),
        (DeclarationsProperty(label="A"), [{"name": "a", "value": "{{ nope }}"}], "^`nope` is not"),
        (CODE, 5, "it is not a text"),
        (SqlProperty(label="A"), "select {{ n }}", "takes no templates"),
        (SqlProperty(label="A"), "select {% if n %}1{% endif %}", "takes no templates"),
        (SqlProperty(label="A"), 5, "it is not a text"),
    ],
)
async def test_what_stops_a_run(scope, property, stored, words):
    with pytest.raises(ValueError, match=words):
        await read_stored(property, stored, scope)


async def test_secrets_are_opened_by_the_kinds_that_hold_them():
    async def open(key):
        return Secret(f"opened {key}")

    opened = Secret(f"opened {KEY}")
    inside = [{"name": "a", "value": KEPT}]
    for property, stored, value in [
        (SecretProperty(label="A"), KEPT, opened),
        (DeclarationsProperty(label="A"), inside, [{"name": "a", "value": opened}]),
        (AssignedValueProperty(label="A", to="variable"), KEPT, opened),
        (FlowInputsProperty(label="A", of="flow"), {"a": KEPT, "b": [KEPT]}, {"a": opened, "b": [KEPT]}),
        (ValueProperty(label="A"), KEPT, KEPT),
        (TextProperty(label="A"), KEPT, KEPT),
    ]:
        assert await property.open_secrets(stored, open) == value


@pytest.mark.parametrize(
    ("property", "stored", "sentences"),
    [
        (TextProperty(label="A"), "{{ n }}", []),
        (TextProperty(label="A"), ["x"], [("A is not a text.", "error")]),
        (ValueProperty(label="A"), ["{{ nope }}"], [("`nope` is not a variable here. Declare it above, or make it an input.", "error")]),
        (DeferredValueProperty(label="A"), "{{ late }}", []),
        (NumberProperty(label="A", minimum=1), 0, [("A is at least 1.", "error")]),
        (NumberProperty(label="A"), float("nan"), [("A is not a number.", "error")]),
        (NumberProperty(label="A"), 10**400, [("A is not a number.", "error")]),
        (NumberProperty(label="A"), True, [("A is not a number.", "error")]),
        (NumberProperty(label="A", maximum=5), 6, [("A is at most 5.", "error")]),
        (NumberProperty(label="A", minimum=5, maximum=5), "5", []),
        (NumberProperty(label="A"), "{{ n }}", []),
        (NumberProperty(label="A"), "{{ nope }}", [(f"`nope` {NOWHERE}", "error")]),
        (TextProperty(label="A"), "{{ zz }} {{ aa }}", [(f"`aa` {NOWHERE}", "error"), (f"`zz` {NOWHERE}", "error")]),
        (TextProperty(label="A"), "{{ k }} {{ b }}", [(f"A would show the secret `{name}`. {HAND_OVER}", "error") for name in "bk"]),
        (ValueProperty(label="A"), ["{{ k }}"], [(f"A would show the secret `k`. {HAND_OVER}", "error")]),
        (ValueProperty(label="A", may_hold_secret=True), ["{{ k }}"], []),
        (TextProperty(label="A"), "{{ m }}", [(f"{MAY_BE_UNSET} or read it with {{{{ m | default('') }}}}.", "warning")]),
        (VariableProperty(label="A"), "m", [(f"{MAY_BE_UNSET} or declare it before.", "warning")]),
        (VariableProperty(label="A", type="list"), "k", [("`k` is of type secret; A needs list.", "error")]),
        (VariableProperty(label="A"), "k", []),
        (VariableProperty(label="A"), 5, [("`5` is not a variable here. Declare it above this action.", "error")]),
        (SqlProperty(label="A"), 5, [("A is not a text.", "error")]),
        (SqlProperty(label="A"), "select {% if n %}1{% endif %}", [(f"A {NO_TEMPLATES}", "error")]),
        (SqlProperty(label="A"), "select :n", []),
        (CODE, 5, [("A is not a text.", "error")]),
        (CODE, "def f(): return 1", []),
        (NumberProperty(label="A", whole=True), 2.5, [("A is a whole number; of 2.5 a run takes 2.", "warning")]),
        (NumberProperty(label="A", whole=True), 2.0, []),
        (ChoiceProperty(label="A", choices=("x", "y")), ["x"], [("A is ['x']; choose one of x, y.", "error")]),
        (ConditionProperty(label="A"), ["n"], [("A is not an expression.", "error")]),
        (ConditionProperty(label="A"), "  ", [("A: The condition is empty.", "error")]),
        (ConnectionProperty(label="A"), "contoso", []),
        (ConnectionVariableProperty(label="A", type="connection"), "n", []),
        (NewVariableProperty(label="A"), "two words", [("A 'two words' is not a name.", "error")]),
        (SecretProperty(label="A"), KEPT, []),
        (SecretProperty(label="A"), 5, [("A is neither a text nor a stored secret.", "error")]),
        (DeclarationsProperty(label="A"), ROWS, []),
        (DeclarationsProperty(label="A"), "x", [("A is not a list.", "error")]),
        (DeclarationsProperty(label="A"), [{"name": "two words"}, {"name": "a", "value": "{{ nope }}"}],
         [("Variable 1 has no name.", "error"), (f"`nope` {NOWHERE}", "error")]),
    ],
)  # fmt: skip
def test_what_lint_says(property, stored, sentences):
    assert said(property, stored) == sentences


def test_an_address_with_a_key_is_refused_and_not_recorded():
    property = AddressProperty(label="A")

    assert said(property, LINK) == [(property.refuse(LINK), "error")]
    assert "0123456789abcdef" not in property.without_secrets(LINK)
    assert (property.refuse("{{ endpoint }}"), property.without_secrets("{{ endpoint }}")) == ("", "{{ endpoint }}")


def test_variables_it_brings_into_scope():
    behind, inside = (
        NewVariableProperty(label="A", type="list"),
        NewVariableProperty(label="A", default="item", inside=ANY_BRANCH),
    )
    caught = NewVariableProperty(label="A", default="exception", type="object", inside="catch")

    assert (behind.declares("made"), behind.declares(""), behind.binds("made", "")) == (
        [("made", "list", False)],
        [],
        [],
    )
    assert (inside.declares(None), inside.binds(None, ""), inside.binds("x", "catch")) == (
        [],
        [("item", "")],
        [("x", "")],
    )
    assert (caught.binds(None, "try"), caught.binds(None, "catch")) == ([], [("exception", "object")])
    assert DeclarationsProperty(label="A").declares(ROWS) == [("a", "number", False), ("b", "text", True)]
    assert (FlowProperty(label="A").flow_named(" other "), FlowProperty(label="A").flow_named("{{ t }}")) == (
        "other",
        "",
    )


def test_places_for_secrets():
    properties = {"variable": "s", "flow": "callee", "spaced": " callee ", "other": "t"}
    known = SecretContext(properties, {"s"}, lambda slug: {"token"} if slug == "callee" else set())

    def change(title, value):
        return f"<{title}: {value}>"

    for property, stored, value in [
        (SecretProperty(label="A"), "k", "<A: k>"),
        (AssignedValueProperty(label="A", to="variable"), "k", "<A: k>"),
        (AssignedValueProperty(label="A", to="other"), "k", "k"),
        (FlowInputsProperty(label="A", of="flow"), {"token": "k", "q": "x"}, {"token": "<The input token: k>", "q": "x"}),
        (FlowInputsProperty(label="A", of="flow"), '{"token": "k"}', {"token": "<The input token: k>"}),
        (FlowInputsProperty(label="A", of="other"), {"token": "k"}, {"token": "k"}),
        (FlowInputsProperty(label="A", of="spaced"), {"token": "k"}, {"token": "<The input token: k>"}),
        (FlowInputsProperty(label="A", of="flow"), "[" * 100_000, "[" * 100_000),
        (FlowInputsProperty(label="A", of="flow"), '{"q": 1}', '{"q": 1}'),
        (DeclarationsProperty(label="A"),
         [{"name": "a", "type": "secret", "value": "k"}, {"type": "secret", "value": "k"}, {"name": "b", "type": "secret"}, "c", {"name": "d", "value": "k"}],
         [{"name": "a", "type": "secret", "value": "<a: k>"}, {"type": "secret", "value": "<?: k>"}, {"name": "b", "type": "secret"}, "c", {"name": "d", "value": "k"}]),
        (TextProperty(label="A"), "k", "k"),
    ]:  # fmt: skip
        assert property.change_secrets(stored, change, known) == value


@pytest.mark.parametrize(
    ("property", "stored", "words"),
    [
        (TextProperty(label="A"), "{{ question }}", "question"),
        (TextProperty(label="A"), "x" * 50, "x" * 40),
        (LongTextProperty(label="A"), "Be brief.", ""),
        (ValueProperty(label="A"), [1, "ä"], '[1, "ä"]'),
        (ValueProperty(label="A"), KEPT, "stored"),
        (SecretProperty(label="A"), KEPT, "stored"),
        (SecretProperty(label="A"), "{{ key }}", "key"),
        (ConnectionProperty(label="A"), "contoso", "contoso"),
        (ChoiceProperty(label="A", choices=("x",)), "x", "x"),
        (NumberProperty(label="A"), 5, "5"),
        (ConditionProperty(label="A"), "n > 2", "n > 2"),
        (SqlProperty(label="A"), "select *\n  from  t", "select * from t"),
        (SqlProperty(label="A"), 5, ""),
        (CODE, "def double(n):\n    return n * 2", "double(n)"),
        (CODE, "def double(" + "n" * 50 + "): return 1", "double(" + "n" * 33),
        (CODE, "def", ""),
        (CODE, 5, ""),
    ],
)
def test_what_the_card_says(property, stored, words):
    assert property.brief(stored) == words


def test_rows_of_declarations_stand_on_the_card_by_themselves():
    property = DeclarationsProperty(label="A")
    rows = [{"name": "a", "type": "secret"}, {"name": "b"}, {"type": "list"}, "no row", *[{"name": "c"}] * 20]
    briefs = [("a", "secret", True), ("b", "text", False), ("?", "list", False), *[("c", "text", False)] * 9]
    assert (property.card_rows(rows), property.card_rows("x")) == (briefs, [])


@pytest.mark.parametrize(
    ("property", "stored", "renamed"),
    [
        (ConditionProperty(label="A"), "n > 2 and t", "m > 2 and t"),
        (ConditionProperty(label="A"), True, True),
        (VariableProperty(label="A"), "n", "m"),
        (VariableProperty(label="A"), "t", "t"),
        (VariableProperty(label="A", default="n"), "", "m"),
        (VariableProperty(label="A"), 5, 5),
        (TextProperty(label="A"), "{{ n }}", "{{ m }}"),
        (DeclarationsProperty(label="A"), [{"name": "n", "value": "{{ n }}"}, "x"], [{"name": "m", "value": "{{ m }}"}, "x"]),
        (DeclarationsProperty(label="A"), "{{ n }}", "{{ m }}"),
    ],
)  # fmt: skip
def test_a_variable_that_is_renamed_is_renamed_wherever_it_stands(property, stored, renamed):
    assert property.rename(stored, {"n": "m"}) == renamed


def test_code_has_a_longest_length():
    assert CODE.refuse("x" * LONGEST_CODE) == CODE.refuse(5) == ""
    assert CODE.refuse("x" * (LONGEST_CODE + 1)) == f"A is longer than {LONGEST_CODE:,} characters. Shorten it."


def test_other_words_of_kinds():
    assert [ConnectionProperty(label="A").connections_named(value) for value in ("contoso", 5)] == [("contoso",), ()]
    assert ConnectionVariableProperty(label="A").words_instead("made") == (
        "Overridden at run time by the connection in made. If that is empty, the run stops."
    )
    assert [text_of(value) for value in (None, "x", ["ä"])] == ["", "x", '["ä"]']
    assert DeclarationsProperty(label="A").shapes(
        [{"name": "a", "value": [1]}, {"name": "b", "value": "x"}], {}
    ).keys() == {"a"}


@pytest.mark.parametrize(
    ("property", "words"),
    [
        (NumberProperty(label="A", default=10_000), "10,000"),
        (NumberProperty(label="A", empty="provider default"), "provider default"),
        (NumberProperty(label="A"), ""),
        (NewVariableProperty(label="A", default="index"), "index"),
        (ChoiceProperty(label="A", choices=("x", "y"), default="x"), "x"),
    ],
)
def test_what_the_empty_field_means(property, words):
    assert property.empty_words == words
