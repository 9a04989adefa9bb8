"""The contract of all action types; a new folder is tested before its author writes a test."""

import dataclasses

import pytest

from flows.actions import registry
from flows.actions.base import PropertyKind, props
from flows.actions.properties import PropertyForm, Surroundings
from flows.language.document import parse
from flows.language.values import display_json
from flows.lint.linter import problems

TYPES = [known.type for known in registry.all_types()]
SAMPLES = {
    PropertyKind.TEXT: "{{ question }}",
    PropertyKind.VALUE: "{{ question }}",
    PropertyKind.NUMBER: 1,
    PropertyKind.SECRET: "{{ question }}",
    PropertyKind.CONNECTION: "contoso",
    PropertyKind.VARIABLE: "question",
    PropertyKind.NEW_VARIABLE: "made",
    PropertyKind.VARIABLES: [{"name": "a", "type": "text", "value": "{{ question }}"}],
    PropertyKind.FLAG: True,
    PropertyKind.LATER: "{{ question }}",
    PropertyKind.CONDITION: "question == 1",
}


def properties_of(type):
    return registry.action_type(type).properties


def full(type):
    declared = props(properties_of(type))
    return {
        name: each.choices[-1] if each.kind is PropertyKind.CHOICE else SAMPLES[each.kind]
        for name, each in declared.items()
    }


def posted(form_class, stored):
    """What a browser sends for the panel as it is rendered."""
    data = {}
    form: PropertyForm = form_class(stored=stored)
    for name, declared in form.property_fields():
        shown = form[name].value()
        if declared.control == "variables":
            for at, row in enumerate(shown):
                data.update({f"{name}-{at}-{part}": value for part, value in row.items() if part != "global"})
        else:
            data[name] = shown
            data[f"{name}-on"] = "on"
    return data


@pytest.mark.parametrize("type", TYPES)
def test_the_form_has_exactly_the_properties_of_the_action(type):
    form = {name for name, _ in registry.form(type).property_fields()}
    assert form == {field.name for field in dataclasses.fields(properties_of(type))}


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("stored", ["full", "empty"])
def test_properties_survive_a_round_trip_through_the_panel(type, stored):
    given = full(type) if stored == "full" else {}
    form = registry.form(type)(posted(registry.form(type), given), stored=given, surroundings=Surroundings())
    assert form.is_valid(), form.errors
    assert form.properties() == given


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("wrong", [None, "", 5, "{{ broken", [], {}, {"secret": 5}, [[]], True])
def test_properties_of_any_shape_never_break_lint(type, wrong):
    action = {"id": "a", "type": type, "properties": dict.fromkeys(full(type), wrong)}
    found = problems(parse({"format": "foundryflow/1", "name": "x", "actions": [action]}), connections=set())
    assert all(problem.action_id == "a" for problem in found)


@pytest.mark.parametrize("type", TYPES)
def test_it_says_what_it_is(type):
    known = registry.action_type(type)
    assert known.title
    assert known.purpose
    assert not known.purpose.endswith(".")
    assert display_json(full(type)) is not None
