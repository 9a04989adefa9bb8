"""What is wrong with a document before it runs: for the panel, the card, the list below the chart and the command."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.actions import registry
from flows.actions.base import TYPES, ActionType, Prop, PropertyKind, label, props
from flows.document import Action, Branch, Document
from flows.expressions import ExpressionError, as_template, check, is_plain, templates_in
from flows.literal_secrets import declared_properties, is_stored, literal_of, refusals, secrets_of, text_inputs_used


@dataclass(frozen=True)
class Problem:
    action_id: str | None
    property: str | None
    message: str
    severity: str = "error"  # or "warning"


@dataclass(frozen=True)
class VariableInScope:
    name: str
    type: str  # empty when it is only known at run time
    declared_by: str  # title of the action, or Start


Visible = dict[str, VariableInScope]


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
) -> list[Problem]:
    """In the order of the flowchart.

    `connections`, `secrets` and `flows` (by slug) name those that exist; None leaves them unchecked.
    """
    found = [
        *input_problems(document),
        *Linter(connections).block(document.actions, start_variables(document)),
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


def variables_at(document: Document, action_id: str) -> list[VariableInScope]:
    """What an action can read: inputs, and what actions before it declare."""
    found = before(document.actions, action_id, start_variables(document))
    return [v for v in (found or start_variables(document)).values() if v.name != "inputs"]


def start_variables(document: Document) -> Visible:
    declared = {i.name: VariableInScope(i.name, i.type, "Start") for i in document.inputs}
    return {"inputs": VariableInScope("inputs", "object", "Start"), **declared}


def before(actions: Sequence[Action], action_id: str, visible: Visible) -> Visible | None:
    """The variables in front of the action, or None when it is not in this block."""
    here = dict(visible)
    for action in actions:
        if action.id == action_id:
            return here
        for branch in action.branches:
            found = before(branch.actions, action_id, {**here, **inside_of(action, branch)})
            if found is not None:
                return found
        here.update(declared_by(action))
    return None


def declared_by(action: Action) -> Visible:
    """What the action brings into scope behind it, globals of the actions inside included."""
    known = known_type(action)
    if known is None or action.disabled:
        return {}
    title = action.title or known.title
    made = {name: VariableInScope(name, type, title) for name, type, _ in known.declares(action.properties)}
    for branch in action.branches:
        for inner in branch.actions:
            made.update(global_of(inner))
    return made


def global_of(action: Action) -> Visible:
    known = known_type(action)
    if known is None or action.disabled:
        return {}
    made = {
        name: VariableInScope(name, type, action.title or known.title)
        for name, type, is_global in known.declares(action.properties)
        if is_global
    }
    for branch in action.branches:
        for inner in branch.actions:
            made.update(global_of(inner))
    return made


def inside_of(action: Action, branch: Branch | None = None) -> Visible:
    """What is in scope in a branch only; without one, in any."""
    known = known_type(action)
    if known is None:
        return {}
    title = action.title or known.title
    role = known.role(action, branch) if branch else ""
    return {name: VariableInScope(name, type, title) for name, type in known.inside(action.properties, role)}


def at_the_end_of(action: Action) -> Visible:
    """What is in scope behind the last action of its body."""
    made = inside_of(action)
    for branch in action.branches[:1]:
        for inner in branch.actions:
            made = {**made, **declared_by(inner)}
    return made


def known_type(action: Action) -> ActionType | None:
    try:
        return registry.action_type(action.type)
    except registry.UnknownAction:
        return None


class Linter:
    def __init__(self, connections: Collection[str] | None) -> None:
        self._connections = connections

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
                yield from self.block(branch.actions, {**here, **inside_of(action, branch)}, loops)
            here.update(declared_by(action))

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
                inner = {**visible, **inside_of(action)}
                yield from self.template(action, name, as_template(str(value)), inner)
            case PropertyKind.LATER:
                for template in templates_in(value):
                    yield from self.template(action, name, template, {**visible, **at_the_end_of(action)})
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

    def variable(self, action: Action, name: str, value: Any, declared: Prop, visible: Visible) -> Iterator[Problem]:
        found = visible.get(value) if isinstance(value, str) else None
        if found is None:
            yield Problem(action.id, name, f"`{value}` is not a variable here. Declare it above this action.")
        elif declared.var_type and found.type not in ("", declared.var_type):
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
        for unknown in sorted(needed - set(visible)):
            yield Problem(
                action.id, name, f"`{unknown}` is not a variable here. Declare it above, or make it an input."
            )


def named(property: str) -> str:
    return "Condition" if property.startswith("branch-") else label(property)
