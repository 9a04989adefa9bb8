"""Merges a session into a chat completion of a flow: what it changes, and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.actions.chat_completion.action import PARAMETERS, ChatCompletion
from flows.actions.return_value.action import Return
from flows.language.document import Document, parse
from flows.language.schema import FORMAT
from flows.lint.visible import variables_at
from flows.playground.setup import Example, Setup, as_template, setup_of, templates_of
from flows.playground.variables import names_in, types_of, variables_in
from foundryflow.strict_json import JsonError, storable_json

UNSET: tuple[Any, ...] = (None, "")
FOLDED = ("context", "prompt_template")  # what the prompt of a session holds, too
USER_PROMPT, CONTEXT = "@@userPrompt", "@@context"
PLAIN_TEMPLATE = f"Context:\n{CONTEXT}\n\n{USER_PROMPT}"  # what an action with a context and no template asks
ACTION_ID, RESULT = "chat", "response"  # of a new flow


@dataclass(frozen=True)
class PromptSettings:
    """What goes from a session into a flow: settings, a prompt, and the values that decide the types of inputs."""

    setup: Setup
    prompt: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class PropertyChange:
    """A property as it was and as it becomes; None where it is not set."""

    name: str
    old: Any
    new: Any


def merge_properties(stored: Mapping[str, Any], settings: PromptSettings) -> dict[str, Any]:
    """The properties of the action with what the session holds put in. What means the same stays as it is written."""
    setup, before = settings.setup, setup_of(stored)[0]
    texts = {"connection": setup.connection, "model": setup.model}
    changed: dict[str, Any] = {name: text for name, text in texts.items() if text.strip()}
    changed["system_prompt"] = setup.instructions
    changed |= {name: setup.parameters.get(name) for name in PARAMETERS}
    examples = [each for each in setup.examples if each.is_whole or each in before.examples]
    if examples != list(before.examples):
        changed["history"] = history_with(stored.get("history"), examples, len(before.examples))
    changed |= prompt_properties(stored, settings.prompt)
    return apply_changes(stored, changed)


def apply_changes(stored: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(stored)
    for name, value in changed.items():
        if has_same_meaning(name, stored.get(name), value):
            continue
        if value in UNSET or value == []:
            del made[name]
        else:
            made[name] = value
    return made


def has_same_meaning(name: str, stored: Any, value: Any) -> bool:
    """Whether two values of a property do the same."""
    return bool(meaning(name, stored) == meaning(name, value))


def meaning(name: str, value: Any) -> Any:
    if value in UNSET or (value == [] and name != "context"):  # an empty context is said
        return None
    if name in ("connection", "model"):
        return as_template(value).strip()
    if isinstance(value, str):
        value = plain_lines(value)
    if name not in PARAMETERS:
        return value
    value = parse_parameter(value)
    if name == "stop" and isinstance(value, list) and len(value) == 1:
        return value[0]
    return None if name == "response_format" and value == "text" else value


def parse_parameter(value: Any) -> Any:
    """A parameter typed as text, as what it stands for."""
    if not isinstance(value, str):
        return value
    try:
        return storable_json(value)
    except JsonError:
        return value


# The prompt


def prompt_properties(stored: Mapping[str, Any], prompt: str) -> dict[str, Any]:
    """Those that make up the prompt. As long as the session left context and template alone, they stay."""
    prompt, before = plain_lines(prompt), plain_lines(setup_of(stored)[1])
    if prompt == before:
        return {}
    inner = prompt_inside_template(stored, prompt)
    return {"user_prompt": prompt, **dict.fromkeys(FOLDED)} if inner is None else {"user_prompt": inner}


def prompt_inside_template(stored: Mapping[str, Any], prompt: str) -> str | None:
    """The user prompt in a prompt that begins and ends as the action's template has it."""
    context, template = as_template(stored.get("context")), stored.get("prompt_template")
    if not (isinstance(template, str) and template):
        template = PLAIN_TEMPLATE if context else USER_PROMPT
    parts = [plain_lines(part.replace(CONTEXT, context)) for part in template.split(USER_PROMPT)]
    if len(parts) != 2 or len(prompt) <= len("".join(parts)):
        return None
    before, after = parts
    if not prompt.startswith(before) or not prompt.endswith(after):
        return None
    inner = prompt[len(before) : len(prompt) - len(after)]
    return inner if inner.strip() else None


def plain_lines(text: str) -> str:
    return text.replace("\r\n", "\n")


# Examples


def history_with(stored: Any, examples: Sequence[Example], before: int) -> list[Any]:
    """The examples as messages, in front of what the history holds beyond its own `before` pairs."""
    there = stored if isinstance(stored, list) else [stored] if isinstance(stored, str) and stored else []
    own, rest = there[: 2 * before], there[2 * before :]
    made = pairs(examples)
    again = [old if same_message(old, new) else new for old, new in zip(own, made, strict=False)]
    return [*again, *made[len(again) :], *rest]


def pairs(examples: Sequence[Example]) -> list[Any]:
    return [
        {"role": role, "content": content}
        for example in examples
        for role, content in (("user", example.user), ("assistant", example.assistant))
    ]


def same_message(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return (old.get("role"), as_template(old.get("content"))) == (new["role"], new["content"])


# What it reads


@dataclass(frozen=True)
class NeededVariable:
    """A variable that the properties read, with the type of its value in the session."""

    name: str
    type: str

    def as_input(self, *, required: bool = False) -> dict[str, Any]:
        return {"name": self.name, "type": self.type, "required": required, "default": None, "description": ""}


def missing_variables(
    document: Document, action_id: str, properties: Mapping[str, Any], values: Mapping[str, Any]
) -> list[NeededVariable]:
    """The variables that the flow lacks at the place of the action."""
    visible = {variable.name for variable in variables_at(document, action_id)}
    inputs = {declared.name for declared in document.inputs}
    templates = templates_of(properties)
    alone: set[str] = set().union(*map(names_in, templates))
    return [
        needed
        for needed in needed_variables(templates, values)
        if needed.name not in (visible if needed.name in alone else inputs)
    ]


def needed_variables(templates: Sequence[str], values: Mapping[str, Any]) -> list[NeededVariable]:
    """The variables that they cannot do without."""
    read = {name: values.get(name, "") for name in variables_in(templates)}
    return [NeededVariable(name, type) for name, type in types_of(read, templates).items()]


def apply_to_document(
    document: Document, action_id: str, properties: Mapping[str, Any], added: Sequence[NeededVariable]
) -> Document:
    """The document with the properties put in, and what is added as inputs. Raises DocumentError."""
    inputs = [*(document.json.get("inputs") or []), *(needed.as_input() for needed in added)]
    return document.with_inputs(inputs).with_properties(action_id, properties)


def new_document(name: str, settings: PromptSettings) -> Document:
    """A flow that asks for the variables, calls and returns the answer. Raises DocumentError."""
    properties = merge_properties({}, settings)
    needed = needed_variables(templates_of(properties), settings.values)
    call = {"id": ACTION_ID, "type": ChatCompletion.type, "title": "Answer"}
    returned = {"id": "return", "type": Return.type, "title": "", "properties": {"value": f"{{{{ {RESULT} }}}}"}}
    return parse(
        {
            "format": FORMAT,
            "name": name,
            "inputs": [each.as_input(required=True) for each in needed],
            "actions": [{**call, "properties": {**properties, "result_variable_name": RESULT}}, returned],
        }
    )


# What is reviewed


def property_changes(stored: Mapping[str, Any], properties: Mapping[str, Any]) -> list[PropertyChange]:
    names = dict.fromkeys([*stored, *properties])
    return [
        PropertyChange(name, stored.get(name), properties.get(name))
        for name in names
        if stored.get(name) != properties.get(name)
    ]


def digest(properties: Mapping[str, Any]) -> str:
    """Tells whether what is committed is what was reviewed."""
    return hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()[:20]
