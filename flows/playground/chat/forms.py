"""The settings of a session as a form. What was not posted stays; a text is kept while it cannot be read.

What is posted comes from `foundryflow.http.posted`, so that its lines end alike.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from flows.actions.chat_completion.action import PARAMETERS, Properties
from flows.actions.chat_completion.answer import extra_parameters
from flows.language.errors import ActionError
from flows.language.expressions import is_plain
from flows.playground.chat.refusals import Refusals
from flows.playground.models import Session
from flows.playground.setup import TEXTS, WINDOW, Example, Setup
from flows.playground.variables import optional_in, template_problem, variables_in
from flows.properties.base import properties_of
from foundryflow.strict_json import JsonError, storable_json

LONGEST = 200_000  # characters of one text
MOST_EXAMPLES, MOST_VARIABLES, MOST_STOPS = 50, 200, 4
VARIABLE = "variable-"  # begins the name of a variable's field
LEAVE_EMPTY = "leave-empty"  # names variables that are to be empty
EXAMPLES_SHOWN = "examples-shown"
HINTS = {"stop": "One a line, at most four.", "extra_parameters": 'JSON, sent as it is: {"top_k": 5}'}
FORMATS = (("", "Text"), ("json_object", "JSON object"), ("json_schema", "JSON schema"))
PROPERTIES: Mapping[str, Any] = properties_of(Properties)  # of a chat completion, which say labels, bounds and choices


def number(name: str) -> forms.Field:
    property = PROPERTIES[name]
    if property.whole:
        return whole_number_field(property.label, property.minimum, property.maximum)
    return forms.FloatField(
        label=property.label,
        min_value=property.minimum,
        max_value=property.maximum,
        required=False,
        widget=forms.TextInput,
    )


def empty_words(parameter: str) -> str:
    """What it means that a parameter is not set."""
    return PROPERTIES[parameter].empty_words if parameter in PROPERTIES else ""


def whole_number_field(label: str, least: int | None = None, most: int | None = None) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=most,
        required=False,
        widget=forms.TextInput,
        error_messages={"invalid": "Type a whole number."},
    )


def choice_field(name: str) -> forms.ChoiceField:
    property = PROPERTIES[name]
    choices = [("", property.empty_words), *((each, each) for each in property.choices)]
    return forms.ChoiceField(label=property.label, choices=choices, required=False)


def text_field(label: str, longest: int = LONGEST) -> forms.CharField:
    return forms.CharField(label=label, max_length=longest, required=False, strip=False, widget=forms.Textarea)


def shown_value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


class ParametersForm(forms.Form):
    """Parameters of a chat completion; empty means that the provider decides."""

    temperature = number("temperature")
    top_p = number("top_p")
    max_completion_tokens = number("max_completion_tokens")
    reasoning_effort = choice_field("reasoning_effort")
    verbosity = choice_field("verbosity")
    stop = text_field(PROPERTIES["stop"].label, 2_000)
    seed = number("seed")
    frequency_penalty = number("frequency_penalty")
    presence_penalty = number("presence_penalty")
    response_format = forms.ChoiceField(label=PROPERTIES["response_format"].label, choices=FORMATS, required=False)
    schema = text_field("Schema")
    repair = choice_field("repair")
    reasoning_summary = choice_field("reasoning_summary")
    top_logprobs = number("top_logprobs")
    service_tier = choice_field("service_tier")
    extra_parameters = text_field(PROPERTIES["extra_parameters"].label, 20_000)

    @classmethod
    def shown_values(cls, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Stored parameters as their fields show them."""
        shown = {name: shown_value(parameters.get(name)) for name in PARAMETERS}
        stop, format = parameters.get("stop"), parameters.get("response_format")
        shown["stop"] = "\n".join(map(str, stop)) if isinstance(stop, list) else str(stop or "")
        if isinstance(extra := parameters.get("extra_parameters"), Mapping):
            shown["extra_parameters"] = json.dumps(extra, indent=2, ensure_ascii=False)
        if isinstance(format, Mapping):
            kind = format.get("type")
            shown["response_format"] = kind if kind == "json_object" else "json_schema"
            shown["schema"] = json.dumps(format, indent=2, ensure_ascii=False)
        else:
            shown["response_format"] = format if format == "json_object" else ""
        return shown

    def clean_stop(self) -> Any:
        lines = [line for line in self.cleaned_data["stop"].split("\n") if line]
        if len(lines) > MOST_STOPS:
            raise forms.ValidationError(f"At most {MOST_STOPS}, one a line.")
        return lines[0] if len(lines) == 1 else lines or None

    def clean_extra_parameters(self) -> Any:
        """An object, or a template of one."""
        typed = self.cleaned_data["extra_parameters"].strip()
        if not is_plain(typed):
            return typed
        try:
            return extra_parameters(typed)
        except ActionError as error:
            raise forms.ValidationError(f"{error.message} {error.hint}") from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("response_format") == "json_schema":
            cleaned["response_format"] = self.read_schema(str(cleaned.get("schema", "")))
        return cleaned

    def read_schema(self, typed: str) -> Any:
        try:
            value = storable_json(typed)
        except JsonError as error:
            problem = "Type a JSON schema." if not typed.strip() else f"This is not JSON: {error}."
            self.add_error("schema", problem)
            return None
        inner = value.get("json_schema", value) if isinstance(value, dict) else None
        inner = inner.get("schema", inner) if isinstance(inner, dict) else None
        if not isinstance(inner, dict) or not {"type", "properties", "$ref", "anyOf", "enum"} & set(inner):
            self.add_error("schema", 'A schema is an object such as {"type": "object", "properties": {…}}.')
            return None
        return value

    def parameters(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """The stored ones with what was posted and understood put in."""
        merged = dict(stored)
        for name in PARAMETERS:
            refused = name in self.errors or (name == "response_format" and "schema" in self.errors)
            if name in self.data and not refused:
                merged[name] = self.cleaned_data.get(name)
        return {name: value for name, value in merged.items() if value not in (None, "", [])}


@dataclass(frozen=True)
class ParameterField:
    """A parameter as its control shows it. `name` is how it is posted."""

    parameter: str
    name: str
    id: str
    value: str
    problem: str = ""
    refusals: Refusals = Refusals()

    @property
    def label(self) -> str:
        return str(ParametersForm.base_fields[self.parameter].label)

    @property
    def choices(self) -> Any:
        return getattr(ParametersForm.base_fields[self.parameter], "choices", ())

    @property
    def empty(self) -> str:
        return empty_words(self.parameter)

    @property
    def many(self) -> bool:
        """Whether it takes several lines."""
        return self.parameter in ("stop", "schema", "extra_parameters")

    @property
    def hint(self) -> str:
        return HINTS.get(self.parameter, "")


class SetupForm(ParametersForm):
    """Everything on the left of the page, and the question that is being typed."""

    connection = forms.CharField(label="Connection", max_length=100, required=False)
    model = forms.CharField(label="Deployment", max_length=200, required=False)
    instructions = text_field("Instructions")
    history_messages = whole_number_field("Messages", 0)
    history_tokens = whole_number_field("Tokens", 0)
    prompt = text_field("Prompt")

    def setup(self, stored: Setup) -> Setup:
        """The stored settings with what was posted and understood put in. The form has been validated."""
        changed: dict[str, Any] = {
            name: self.cleaned_data[name] for name in (*TEXTS, *WINDOW) if name in self.data and name not in self.errors
        }
        if EXAMPLES_SHOWN in self.data:
            changed["examples"] = self.examples()
        return dataclasses.replace(stored, **changed, parameters=self.parameters(stored.parameters))

    def examples(self) -> tuple[Example, ...]:
        """As posted, with the one added or without the one removed that a button says."""
        pairs, removed = self.posted_examples(), str(self.data.get("remove-example", ""))
        if removed.isdecimal():
            pairs = [pair for at, pair in enumerate(pairs) if at != int(removed[:6])]
        added = [Example("", "")] if "add-example" in self.data and len(pairs) < MOST_EXAMPLES else []
        return (*pairs, *added)

    def posted_examples(self) -> list[Example]:
        pairs = []
        for at in range(MOST_EXAMPLES):
            if f"example-{at}-user" not in self.data:
                break
            user, assistant = (
                str(self.data.get(f"example-{at}-{role}", ""))[:LONGEST] for role in ("user", "assistant")
            )
            pairs.append(Example(user, assistant))
        return pairs

    def variables(self, stored: Mapping[str, Any]) -> dict[str, str]:
        """As typed, by name; those that no template names any more are remembered, the oldest dropped at last."""
        typed = {
            name.removeprefix(VARIABLE): str(value)[:LONGEST]
            for name, value in self.data.items()
            if name.startswith(VARIABLE)
        }
        merged = {**{name: str(value) for name, value in stored.items()}, **typed}
        return dict(list(merged.items())[-MOST_VARIABLES:])

    def draft(self, stored: str) -> str:
        return str(self.data.get("prompt", stored))[:LONGEST]

    def fill_session(self, session: Session) -> None:
        """Puts what was understood into the session, unsaved."""
        self.is_valid()
        session.setup = self.setup(Setup.from_json(session.setup)).to_json()
        session.variables = self.variables(session.variables)
        session.draft = self.draft(session.draft)

    def problems(self) -> dict[str, str]:
        """The first complaint about each field."""
        return {name: str(errors[0]) for name, errors in self.errors.items()}


def variables_of(session: Session, edited: Sequence[str] = ()) -> dict[str, bool]:
    """The variables that the session's templates and these questions name, and whether they hold JSON."""
    own = [str(column.get(name, "")) for column in session.active_columns for name in ("instructions", "prompt")]
    templates = [*Setup.from_json(session.setup).templates(), session.draft, *own, *edited]
    return {**variables_in(templates), **optional_in(templates)}


def template_problems(setup: Setup, prompt: str) -> dict[str, str]:
    """What cannot be read, by the name of its field."""
    texts = {"model": setup.model, "instructions": setup.instructions, "prompt": prompt}
    for at, example in enumerate(setup.examples):
        texts |= {f"example-{at}-user": example.user, f"example-{at}-assistant": example.assistant}
    return {name: problem for name, template in texts.items() if (problem := template_problem(template))}
