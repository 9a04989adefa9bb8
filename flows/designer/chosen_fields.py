"""Fields in which something is chosen: of a few words, of connections, variables, flows and deployments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.designer.fields import PropertyField, TextPropertyField, ValuePropertyField, field_for
from flows.designer.typed_text import NAME, clean_name
from flows.language.expressions import is_plain
from flows.language.scope import VariableInScope
from flows.properties.agent import AgentProperty
from flows.properties.choice import ChoiceProperty
from flows.properties.connection import ConnectionProperty
from flows.properties.connection_variable import ConnectionVariableProperty
from flows.properties.deployment import DeploymentProperty
from flows.properties.flow import FlowProperty
from flows.properties.variable import VariableProperty
from flows.properties.variable_value import VariableValueProperty


@field_for(ChoiceProperty)
class ChoicePropertyField(PropertyField):
    partial = "properties/_choice.html"
    widget = forms.Select

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The first says what it means that none is chosen."""
        return [("", self.property.empty_words), *((each, each) for each in self.property.choices)]

    def clean(self, value: Any) -> Any:
        if value and value not in self.property.choices:
            raise ValidationError(f"{value!r} is not one of {', '.join(self.property.choices)}.")
        return value or ""


@field_for(ConnectionProperty)
class ConnectionPropertyField(PropertyField):
    """A stored connection, with the toggle that creates one in place."""

    partial = "properties/_connection.html"
    label_partial, label_id = "properties/_connection_select.html", "connection-select"
    widget = forms.TextInput

    def clean(self, value: Any) -> Any:
        return (value or "").strip()


@dataclass(frozen=True)
class Option:
    """Something to choose in a select."""

    value: str
    label: str


@dataclass(frozen=True)
class Choice:
    """What a select offers, and what is chosen."""

    options: Sequence[Option]
    chosen: str
    empty: str  # what it says when nothing is chosen
    hint: str = ""  # when there is nothing to choose
    is_declarable: bool = False  # by an action above

    @property
    def is_typed(self) -> bool:
        """Whether there is a value that is none of the options."""
        return bool(self.chosen) and all(option.value != self.chosen for option in self.options)


def variable_options(variables: Sequence[VariableInScope], type: str, value: str = "{}") -> list[Option]:
    """The variables of a type, or of one that is known at run time only; `value` is a format for their name."""
    fitting = [variable for variable in variables if not type or variable.type in ("", type)]
    return [Option(value.format(variable.name), variable_label(variable)) for variable in fitting]


def variable_label(variable: VariableInScope) -> str:
    return " · ".join(filter(None, (variable.name, variable.type, "may not be set" if variable.may_be_unset else "")))


def none_of(type: str) -> str:
    return f"No variable of type {type} here." if type else "No variable here."


@field_for(VariableProperty)
class VariablePropertyField(PropertyField):
    partial = "properties/_variable.html"
    names_variables = True
    widget = forms.TextInput

    def control(self, bound: Any) -> Choice:
        type = self.property.type
        options = variable_options(bound.form.panel_context.variables, type)
        none = "" if options else none_of(type)
        return Choice(options, bound.value() or "", "Choose a variable", none, is_declarable=True)

    def clean(self, value: Any) -> Any:
        return clean_name(value)


TYPED = "="  # chosen in a select when the text beside it counts; no slug and no template


class ChosenOrTypedInput(forms.TextInput):
    """What is chosen in the select `NAME-chosen`, or the text beside it."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        chosen = data.get(f"{name}-chosen", TYPED)
        return data.get(name, "") if chosen == TYPED else chosen


@field_for(VariableValueProperty)
class VariableValuePropertyField(ValuePropertyField):
    """The value of a variable, or what is typed."""

    partial = "properties/_chosen_or_typed.html"
    names_variables = True
    widget = ChosenOrTypedInput
    typed_label = "An expression, text or JSON"

    def control(self, bound: Any) -> Choice:
        variables = [each for each in bound.form.panel_context.variables if each.type not in ("secret", "connection")]
        options = variable_options(variables, self.property.type, "{{{{ {} }}}}")
        none = "" if options else none_of(self.property.type)
        empty = self.property.empty_words or "No variable"
        return Choice(options, bound.value() or "", empty, none, is_declarable=True)


@field_for(FlowProperty)
class FlowPropertyField(TextPropertyField):
    """One of the flows there are, or an expression that gives the slug of one."""

    partial = "properties/_chosen_or_typed.html"
    widget = ChosenOrTypedInput
    typed_label = "An expression that gives a slug"

    def control(self, bound: Any) -> Choice:
        value = bound.value() or ""
        options = [Option(slug, name) for slug, name in bound.form.panel_context.flows()]
        if value and is_plain(value) and all(option.value != value for option in options):
            options.append(Option(value, f"{value} · does not exist here"))
        none = "" if options else "There is no other flow yet. Create one in Flows."
        return Choice(options, value, "Choose a flow", none)


@field_for(DeploymentProperty)
class DeploymentPropertyField(TextPropertyField):
    """A name, with suggestions from an address."""

    partial = "properties/_deployment.html"
    suggested = "Deployments"
    suggested_by = "designer:deployments"


@field_for(AgentProperty)
class AgentPropertyField(DeploymentPropertyField):
    suggested = "Agents"
    suggested_by = "designer:agents"


class ToggledInput(forms.TextInput):
    """A text that counts only while the checkbox beside it is on."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        return data.get(name, "") if data.get(f"{name}-on") else ""


@field_for(ConnectionVariableProperty)
class ConnectionVariablePropertyField(PropertyField):
    partial = "properties/_connection_variable.html"
    names_variables = True
    says_hint = True
    widget = ToggledInput

    def clean(self, value: Any) -> Any:
        text = (value or "").strip()
        if text and not NAME.fullmatch(text):
            raise ValidationError("Choose a variable of type connection.")
        return text
