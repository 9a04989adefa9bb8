"""What is wrong with a document before it runs: for the panel, the card, the list below the chart and the command."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from connections.endpoint.recognise import secret_warning
from flows.actions import registry
from flows.actions.base import TYPES, Prop, PropertyKind, label, props
from flows.language.document import Action, Document
from flows.language.expressions import ExpressionError, as_template, check, is_plain, templates_in
from flows.language.scope import VariableInScope
from flows.lint.literal_secrets import (
    declared_properties,
    is_stored,
    literal_of,
    refusals,
    secrets_of,
    text_inputs_used,
)
from flows.lint.visible import Scopes, Visible, known_type, start_variables
from flows.lint.visible import variables_at as variables_at

LONGEST_NAME = 60  # characters of a property that nobody knows


@dataclass(frozen=True)
class Problem:
    action_id: str | None
    property: str | None
    message: str
    severity: str = "error"  # or "warning"


@dataclass(frozen=True)
class CalledFlow:
    """What another flow is to those that run it as an action."""

    secret_inputs: frozenset[str] = frozenset()
    errors: int = 0  # of its configuration


def problems(
    document: Document,
    *,
    connections: Collection[str] | None = None,
    secrets: Collection[str] | None = None,
    flows: Mapping[str, CalledFlow] | None = None,
    troubles: Mapping[str, str] | None = None,
) -> list[Problem]:
    """In the order of the flowchart.

    `connections`, `secrets` and `flows` (by slug) name those that exist; None leaves them unchecked. `troubles` says of
    connections, by name, why no call can go there.
    """
    found = [
        *input_problems(document),
        *Linter(connections, troubles).block(document.actions, start_variables(document)),
        *call_problems(document, flows),
        *secret_problems(document, secrets, flows),
    ]
    places = {located.action.id: number for number, located in enumerate(document.walk(), 1)}
    return sorted(found, key=lambda problem: places.get(problem.action_id or "", 0))


def enabled(actions: Sequence[Action]) -> Iterator[Action]:
    """Actions that a run may come to."""
    for action in actions:
        if not action.disabled:
            yield action
            for branch in action.branches:
                yield from enabled(branch.actions)


def calls_in(document: Document) -> Iterator[tuple[Action, str, str]]:
    """Actions that run another flow: with the property that names it, and its slug as far as that is written down."""
    for action in enabled(document.actions):
        for _, declared in declared_properties(action):
            slug = action.properties.get(declared.inputs_of) if declared.inputs_of else None
            if isinstance(slug, str) and slug.strip() and is_plain(slug):
                yield action, declared.inputs_of, slug.strip()


def call_problems(document: Document, flows: Mapping[str, CalledFlow] | None) -> Iterator[Problem]:
    for action, name, slug in calls_in(document) if flows is not None else ():
        called = (flows or {}).get(slug)
        if called is None:
            yield Problem(action.id, name, f"There is no flow {slug}. Give the slug that its address shows.")
        elif called.errors:
            count = f"{called.errors} configuration error{'s' if called.errors > 1 else ''}"
            yield Problem(action.id, name, f"The flow {slug} has {count}. Open it and correct them there.")


def secret_problems(
    document: Document, secrets: Collection[str] | None, flows: Mapping[str, CalledFlow] | None
) -> Iterator[Problem]:
    """Literals mixed with templates, stored secrets that are not here, and texts that become secrets."""
    reached = {None, *(action.id for action in enabled(document.actions))}

    def secret_inputs(slug: str) -> Collection[str]:
        return (flows or {}).get(slug, CalledFlow()).secret_inputs

    for place, sentence in refusals(document, secret_inputs):
        if place.action_id in reached:
            yield Problem(place.action_id, place.property, sentence)
    for place, value in secrets_of(document, secret_inputs):
        if place.action_id in reached and secrets is not None and is_stored(value) and value["secret"] not in secrets:
            sentence = f"{place.title} must be filled in: a secret does not travel with a file."
            # A run that is given the input does without its default.
            severity = "error" if place.action_id else "warning"
            yield Problem(place.action_id, place.property, sentence, severity)
        # The called flow has come, or taken a secret input, after this document was stored.
        if place.action_id in reached and secrets is not None and literal_of(place, value) is not None:
            sentence = f"{place.title} is a secret and can be read in the document. Any change of the flow stores it."
            yield Problem(place.action_id, place.property, sentence, "warning")
    for place, name in text_inputs_used(document, secret_inputs):
        if place.action_id in reached:
            sentence = f"{place.title} comes from the text input {name}. Declare that as secret, so that it is masked."
            yield Problem(place.action_id, place.property, sentence, "warning")


def input_problems(document: Document) -> Iterator[Problem]:
    for declared in document.inputs:
        if declared.type not in TYPES:
            yield Problem(
                None, "inputs", f"{declared.name}: {declared.type!r} is not a type. Types: {', '.join(TYPES)}."
            )


class Linter:
    def __init__(self, connections: Collection[str] | None, troubles: Mapping[str, str] | None = None) -> None:
        self._connections, self._troubles = connections, troubles or {}
        self._scopes = Scopes()

    def block(self, actions: Sequence[Action], visible: Visible, in_loop: bool = False) -> Iterator[Problem]:
        here = dict(visible)
        for action in actions:
            if action.disabled:
                continue
            yield from self.action(action, here)
            known = known_type(action)
            if known and known.only_in_loops and not in_loop:
                yield Problem(action.id, None, f"{known.title} is outside of a loop. Move it into For each or While.")
            loops = in_loop or bool(known and known.branches == "body")
            for branch in action.branches:
                yield from self.block(branch.actions, self._scopes.inside(action, branch, here), loops)
            self._scopes.leave(action, here)

    def action(self, action: Action, visible: Visible) -> Iterator[Problem]:
        known = known_type(action)
        if known is None:
            yield Problem(
                action.id,
                None,
                f"The action type {action.type} is not installed here. It is kept; a run stops at it.",
            )
            return
        said = set()
        for name, sentence in known.problems(action):
            said.add(name)
            yield Problem(action.id, name, sentence)
        for name in action.properties:
            if name not in props(known.properties):
                yield Problem(action.id, None, unknown_property(name, [*props(known.properties)]), "warning")
        for name, declared in props(known.properties).items():
            if name not in said:
                yield from self.property(action, name, declared, visible)
        for branch in action.branches:
            if branch.condition:
                where = f"branch-{branch.id}-condition"
                yield from self.template(action, where, as_template(branch.condition), visible)

    def property(self, action: Action, name: str, declared: Prop, visible: Visible) -> Iterator[Problem]:
        value = action.properties.get(name)
        if value in (None, "", []):
            if declared.required and registry.default(action.type, name) in (None, ""):
                yield Problem(action.id, name, f"{label(name)} is missing.")
            return
        match declared.kind:
            case PropertyKind.CONNECTION:
                yield from self.connection(action, name, value)
            case PropertyKind.VARIABLE:
                yield from self.variable(action, name, value, declared, visible)
            case PropertyKind.CHOICE:
                if value not in declared.choices:
                    yield Problem(
                        action.id,
                        name,
                        f"{label(name)} is {value!r}; choose one of {', '.join(declared.choices)}.",
                    )
            case PropertyKind.NUMBER:
                yield from self.number(action, name, value, declared, visible)
            case PropertyKind.VARIABLES:
                yield from self.rows(action, name, value, visible)
            case PropertyKind.NEW_VARIABLE:
                if not isinstance(value, str) or not value.isidentifier():
                    yield Problem(action.id, name, f"{label(name)} {value!r} is not a name.")
            case PropertyKind.SECRET if not isinstance(value, str) and not is_stored(value):
                yield Problem(action.id, name, f"{label(name)} is neither a text nor a stored secret.")
            case PropertyKind.CONDITION if not isinstance(value, str | bool):
                yield Problem(action.id, name, f"{label(name)} is not an expression.")
            case PropertyKind.CONDITION:
                inner = self._scopes.in_front_of_body(action, visible)
                yield from self.template(action, name, as_template(str(value)), inner)
            case PropertyKind.LATER:
                for template in templates_in(value):
                    yield from self.template(action, name, template, self._scopes.behind_body(action, visible))
            case _ if declared.address and isinstance(value, str) and (why := secret_warning(value)):
                yield Problem(action.id, name, why)
            case PropertyKind.TEXT if not isinstance(value, str | int | float):
                yield Problem(action.id, name, f"{label(name)} is not a text.")
            case _:
                for template in templates_in(value):
                    yield from self.template(action, name, template, visible)

    def connection(self, action: Action, name: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(action.id, name, f"{label(name)} is not the name of a connection.")
        elif self._connections is not None and value not in self._connections:
            instead = bool(action.properties.get("dynamic_connection"))
            severity = "warning" if instead else "error"
            yield Problem(
                action.id,
                name,
                f"There is no connection named {value}. Choose one, or create it in the panel.",
                severity,
            )
        elif (trouble := self._troubles.get(value)) and not action.properties.get("dynamic_connection"):
            yield Problem(action.id, name, trouble)

    def variable(self, action: Action, name: str, value: Any, declared: Prop, visible: Visible) -> Iterator[Problem]:
        found = visible.get(value) if isinstance(value, str) else None
        if found is None:
            yield Problem(action.id, name, f"`{value}` is not a variable here. Declare it above this action.")
            return
        if found.may_be_unset:
            yield Problem(action.id, name, f"{may_not_be_set(found)} or declare it before.", "warning")
        if declared.var_type and found.type not in ("", declared.var_type):
            yield Problem(
                action.id,
                name,
                f"`{value}` is of type {found.type}; {label(name)} needs {declared.var_type}.",
            )

    def number(self, action: Action, name: str, value: Any, declared: Prop, visible: Visible) -> Iterator[Problem]:
        if isinstance(value, str) and "{{" in value:
            yield from self.template(action, name, value, visible)
            return
        try:
            number = float(value) if not isinstance(value, bool) else None
        except (TypeError, ValueError, OverflowError):
            number = None
        if number is None:
            yield Problem(action.id, name, f"{label(name)} is not a number.")
        elif declared.minimum is not None and number < declared.minimum:
            yield Problem(action.id, name, f"{label(name)} is at least {declared.minimum:g}.")
        elif declared.maximum is not None and number > declared.maximum:
            yield Problem(action.id, name, f"{label(name)} is at most {declared.maximum:g}.")

    def rows(self, action: Action, name: str, value: Any, visible: Visible) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(action.id, name, "Variables is not a list.")
            return
        here = dict(visible)
        for at, row in enumerate(value):
            if not isinstance(row, Mapping) or not isinstance(row.get("name"), str) or not row["name"].isidentifier():
                yield Problem(action.id, name, f"Variable {at + 1} has no name.")
                continue
            type = row.get("type") or "text"
            if type not in TYPES:
                yield Problem(action.id, name, f"{row['name']}: {type!r} is not a type. Types: {', '.join(TYPES)}.")
            for template in templates_in(row.get("value")):
                yield from self.template(action, name, template, here)
            here[row["name"]] = VariableInScope(row["name"], str(type), action.title)

    def template(self, action: Action, name: str, template: str, visible: Visible) -> Iterator[Problem]:
        try:
            needed = check(template)
        except ExpressionError as error:
            yield Problem(action.id, name, f"{named(name)}: {error}")
            return
        for needs in sorted(needed):
            found = visible.get(needs)
            if found is None:
                yield Problem(
                    action.id, name, f"`{needs}` is not a variable here. Declare it above, or make it an input."
                )
            elif found.may_be_unset:
                default = f"{{{{ {needs} | default('') }}}}"
                yield Problem(action.id, name, f"{may_not_be_set(found)} or read it with {default}.", "warning")


def unknown_property(name: str, known: Sequence[str]) -> str:
    shown = name[:LONGEST_NAME]
    near = get_close_matches(shown.lower().replace("-", "_"), known, 1)
    instead = f" Did you mean {near[0]}?" if near else f" Properties: {', '.join(known) or 'none'}."
    return f"There is no property {shown}; it is kept and does nothing.{instead}"


def may_not_be_set(variable: VariableInScope) -> str:
    return (
        f"`{variable.name}` may not be set here: {variable.declared_by} sets it, which not every way leads through. "
        "Set it in every branch,"
    )


def named(property: str) -> str:
    return "Condition" if property.startswith("branch-") else label(property)
