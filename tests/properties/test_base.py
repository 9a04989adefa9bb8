"""What all kinds of properties have in common, and which of them hold secrets."""

import pytest

from flows.actions import registry
from flows.language.scope import Scope
from flows.properties.base import Property, SecretContext, properties_of, read_stored
from flows.properties.secret import SecretProperty
from flows.properties.text import TextProperty
from flows.properties.value import ValueProperty, refuse_large
from tests.properties.test_kinds import KEPT, context


def test_what_no_kind_overrides_says_nothing():
    property, scope = Property(label="A"), SecretContext({}, (), lambda slug: ())
    silent = [
        property.refuse("x"), property.connections_named("x"), property.embeds_with("x"), property.flow_named("x"),
        property.declares("x"), property.binds("x", ""), property.assigns("x", {}), property.shapes("x", {}),
        property.items_of("x", {}), property.brief("x"), property.card_rows("x"), property.is_write_only("x"),
        property.variable_of("x"), property.change_secrets("x", str, scope), [*property.problems("x", context())],
    ]  # fmt: skip
    assert silent == ["", (), "", "", (), (), (), {}, {}, "", None, False, "", "x", []]
    assert property.words_instead("x") == "A is set, and used instead."
    assert vars(property) == {
        "label": "A", "hint": "", "default": None, "required": False, "overridden_by": "", "when_missing": "",
        "empty": "", "on_card": False, "card_label": "", "advanced": False, "may_hold_secret": False, "no_secrets": "",
        "is_result": False,
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, "", [], {}, 0, False, "x"])
def test_a_value_is_missing_where_it_says_nothing(value):
    is_empty = value is None or value in ("", [])
    assert Property(label="A").is_unset(value) == Property(label="A").is_missing(value) == is_empty
    assert ValueProperty(label="A").is_unset(value) == (value is None or value == "")
    assert ValueProperty(label="A").is_missing(value) == (value is None)


@pytest.mark.parametrize(
    ("property", "why"),
    [
        (TextProperty(label="A"), "secrets can't go into text"),
        (TextProperty(label="A", may_hold_secret=True), ""),
        (TextProperty(label="A", may_hold_secret=True, no_secrets="it is logged"), "it is logged"),
    ],
)
def test_why_no_secret_is_offered(property, why):
    assert property.why_no_secrets == why


def test_a_required_property_is_missing_where_nothing_takes_its_place():
    property = TextProperty(label="A", required=True, when_missing="Type one.")

    def unset(property, **changed):
        return [finding.message for finding in property.unset_problems(context(**changed))]

    assert unset(property) == ["A is missing. Type one."]
    assert unset(TextProperty(label="A", required=True)) == ["A is missing."]
    assert unset(TextProperty(label="A")) == unset(property, is_overridden=True) == []


def test_which_kinds_hold_secrets_make_them_and_show_none():
    kinds = {each.kind: each for known in registry.all_types() for each in properties_of(known.properties).values()}
    plain = {type: make(label="A") for type, make in [("text", TextProperty), ("value", ValueProperty)]}
    assert {kind for kind, each in kinds.items() if each.makes_secrets} == {"declarations", "named_values", "secret"}
    assert {kind for kind, each in kinds.items() if each.is_secret} == {"secret"}
    assert {kind for kind, each in kinds.items() if each.may_hold_secret and kind not in plain} >= {
        "assigned_value", "declarations", "deferred_value", "flow_inputs", "named_values", "secret",
    }  # fmt: skip
    assert [
        each.is_write_only(KEPT)
        for each in (SecretProperty(label="A"), ValueProperty(label="A"), TextProperty(label="A"))
    ] == [True, True, False]
    assert not ValueProperty(label="A").is_write_only({"secret": "typed"})
    assert kinds["connection"].error_when_missing == "connection_missing"
    assert kinds["text"].error_when_missing == "property_missing"


def test_a_kind_is_a_module_of_its_name():
    kinds = {each for known in registry.all_types() for each in properties_of(known.properties).values()}
    for property in kinds:
        assert type(property).__module__ == f"flows.properties.{property.kind}"


def test_of_the_properties_of_a_type_those_can_be_asked_that_have_a_word_in_a_matter():
    declaring = registry.properties_of_type("chat_completion", "declares")
    assert "result_variable_name" in declaring
    assert "temperature" not in declaring
    assert registry.properties_of_type("not installed", "declares") == {}


async def test_a_value_that_is_put_together_has_a_bound():
    scope = Scope()
    scope.declare("long", "text", "x" * 3_000_000)
    property = ValueProperty(label="A")
    assert len(await read_stored(property, ["{{ long }}"] * 3, scope)) == 3
    with pytest.raises(ValueError, match="larger than 10,000,000 characters"):
        await read_stored(property, ["{{ long }}"] * 4, scope)


def test_what_a_value_weighs_is_counted_with_its_parts():
    refuse_large(["x" * 67], 100)
    with pytest.raises(ValueError, match="larger than 100 characters"):
        refuse_large(["x" * 68], 100)
