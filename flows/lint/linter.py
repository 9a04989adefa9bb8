"""What is wrong with a document before it runs: for the panel, the card, the list below the chart and the command."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from connections.endpoint.agent_place import AgentPlace
from flows.actions.registry import all_types, properties_of_type
from flows.language.document import Document
from flows.language.nodes import Action
from flows.language.secret_parts import seal_parts
from flows.language.stored_secrets import is_stored
from flows.language.values import VARIABLE_TYPES, holds_secret
from flows.lint.literal_secrets import SecretPlace, literal_of, refusals, secrets_of, text_inputs_in_secrets
from flows.lint.visible import (
    Visible,
    behind_body,
    in_front_of_body,
    inside,
    known_type,
    leave,
    start_variables,
)
from flows.properties.base import Finding, LintContext, Property
from flows.properties.condition import condition_problems

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
    unreadable: Collection[str] = (),
    kinds: Mapping[str, str] | None = None,
    environment: Collection[str] | None = None,
    agent_places: Mapping[str, AgentPlace] | None = None,
    without_embeddings: Mapping[str, Collection[str]] | None = None,
) -> list[Problem]:
    """In the order of the flowchart.

    `connections`, `secrets` and `flows` (by slug) name those that exist; None leaves them unchecked. `troubles` says of
    connections, by name, why no call can go there, `kinds` which kind those are of that are not of Foundry,
    `agent_places` whether there are agents, `without_embeddings` which deployments make none;
    `unreadable` are the stored secrets that cannot be decrypted, `environment` the variables of the server that flows
    may read, or None.
    """
    around = Installation(
        connections, troubles or {}, kinds or {}, environment, agent_places or {}, without_embeddings or {}
    )
    found = [
        *input_problems(document),
        *Linter(around).block_problems(document.actions, start_variables(document)),
        *call_problems(document, flows),
        *secret_problems(document, secrets, flows, unreadable),
    ]
    places = {located.action.id: number for number, located in enumerate(document.walk(), 1)}
    return sorted(found, key=lambda problem: places.get(problem.action_id or "", 0))


def enabled_actions(actions: Sequence[Action]) -> Iterator[Action]:
    """Actions that a run may come to."""
    for action in actions:
        if not action.disabled:
            yield action
            for branch in action.branches:
                yield from enabled_actions(branch.actions)


def calls_in(document: Document) -> Iterator[tuple[Action, str, str]]:
    """Actions that run another flow: with the property that names it, and its slug as far as that is written down."""
    for action in enabled_actions(document.actions):
        for name, property in properties_of_type(action.type, "flow_named").items():
            if slug := property.flow_named(action.properties.get(name)):
                yield action, name, slug


def call_problems(document: Document, flows: Mapping[str, CalledFlow] | None) -> Iterator[Problem]:
    for action, name, slug in calls_in(document) if flows is not None else ():
        called = (flows or {}).get(slug)
        if called is None:
            yield Problem(action.id, name, f"There is no flow {slug}. Give the slug that its address shows.")
        elif called.errors:
            count = f"{called.errors} configuration error{'s' if called.errors > 1 else ''}"
            yield Problem(action.id, name, f"The flow {slug} has {count}. Open it and correct them there.")


def secret_problems(
    document: Document,
    secrets: Collection[str] | None,
    flows: Mapping[str, CalledFlow] | None,
    unreadable: Collection[str],
) -> Iterator[Problem]:
    """Literals mixed with templates, stored secrets that are not here, and texts that become secrets."""
    reached = {None, *(action.id for action in enabled_actions(document.actions))}

    def secret_inputs(slug: str) -> Collection[str]:
        return (flows or {}).get(slug, CalledFlow()).secret_inputs

    for place, sentence in refusals(document, secret_inputs):
        if place.action_id in reached:
            yield Problem(place.action_id, place.property, sentence)
    for place, value in secrets_of(document, secret_inputs) if secrets is not None else ():
        if place.action_id in reached:
            yield from stored_secret_problems(place, value, secrets or (), unreadable)
    for place, name in text_inputs_in_secrets(document, secret_inputs):
        if place.action_id in reached:
            sentence = f"{place.title} comes from the text input {name}. Declare that as secret, so that it is masked."
            yield Problem(place.action_id, place.property, sentence, "warning")


def stored_secret_problems(
    place: SecretPlace, value: Any, secrets: Collection[str], unreadable: Collection[str]
) -> Iterator[Problem]:
    """One that is not in encrypted storage, though it should be, or cannot be read there."""
    if is_stored(value) and value["secret"] in unreadable:
        sentence = f"{place.title} cannot be read with the encryption key of this server. Type it again."
        yield Problem(place.action_id, place.property, sentence)
    if is_stored(value) and value["secret"] not in secrets:
        sentence = f"{place.title} must be filled in: a secret does not travel with a file."
        # A run that is given the input does without its default.
        yield Problem(place.action_id, place.property, sentence, "error" if place.action_id else "warning")
    # The called flow has come, or taken a secret input, after this document was stored.
    if literal_of(place, value) is not None:
        sentence = f"{place.title} is a secret and can be read in the document. Any change of the flow stores it."
        yield Problem(place.action_id, place.property, sentence, "warning")


def input_problems(document: Document) -> Iterator[Problem]:
    for declared in document.inputs:
        if declared.type not in VARIABLE_TYPES:
            yield Problem(
                None, "inputs", f"{declared.name}: {declared.type!r} is not a type. Types: {', '.join(VARIABLE_TYPES)}."
            )
        if declared.type == "file" and declared.default not in (None, ""):
            yield Problem(None, "inputs", f"{declared.name} is a file, which has no default. Take it out.")
        if declared.secret_parts and holds_secret(seal_parts(declared.default, declared.secret_parts)):
            where = ", ".join(declared.secret_parts)
            yield Problem(
                None, "inputs", f"The default of {declared.name} can be read in the document. Leave {where} out of it."
            )


@dataclass(frozen=True)
class Installation:
    """What lint is told of the installation."""

    connections: Collection[str] | None
    troubles: Mapping[str, str]
    kinds: Mapping[str, str]
    environment: Collection[str] | None
    agent_places: Mapping[str, AgentPlace]
    without_embeddings: Mapping[str, Collection[str]]


class Linter:
    """Walks one document, with the variables that are in scope at each action."""

    def __init__(self, around: Installation) -> None:
        self._around = around

    def block_problems(self, actions: Sequence[Action], visible: Visible, in_loop: bool = False) -> Iterator[Problem]:
        here = dict(visible)
        for action in actions:
            if action.disabled:
                continue
            yield from self.action_problems(action, here)
            known = known_type(action)
            if known and known.only_in_loops and not in_loop:
                loops = " or ".join(each.title for each in all_types() if each.branches == "body")
                yield Problem(action.id, None, f"{known.title} is outside of a loop. Move it into {loops}.")
            is_in_loop = in_loop or bool(known and known.branches == "body")
            for branch in action.branches:
                yield from self.block_problems(branch.actions, inside(action, branch, here), is_in_loop)
            leave(action, here)

    def action_problems(self, action: Action, visible: Visible) -> Iterator[Problem]:
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
        declared = properties_of_type(action.type)
        for name in action.properties:
            if name not in declared:
                yield Problem(action.id, None, unknown_property(name, list(declared)), "warning")
        context = self.context_of(action, visible)
        told_when_unset = properties_of_type(action.type, "unset_problems")
        for name, property in declared.items():
            is_silent = not property.required and name not in told_when_unset
            if name not in said and not (is_silent and property.is_unset(action.properties.get(name))):
                yield from property_problems(action, name, property, context)
        for branch in action.branches:
            if branch.condition:
                found = condition_problems(branch.condition, visible, "Condition")
                yield from problems_at(found, action, f"branch-{branch.id}-condition")

    def context_of(self, action: Action, visible: Visible) -> LintContext:
        """What its properties are told, but for whether another one takes their place."""
        around = self._around
        return LintContext(
            variables=visible,
            variables_before_body=lambda: in_front_of_body(action, visible),
            variables_after_body=lambda: behind_body(action, visible),
            connections=around.connections,
            connection_kinds=around.kinds,
            troubles=around.troubles,
            agent_places=around.agent_places,
            without_embeddings=around.without_embeddings,
            environment_secrets=around.environment,
            others=action.find_once(in_force),
            is_overridden=False,
        )


def property_problems(action: Action, name: str, property: Property, context: LintContext) -> Iterator[Problem]:
    value = action.properties.get(name)
    if property.is_overridden_in(action.properties):
        context = replace(context, is_overridden=True)
    found = property.unset_problems(context) if property.is_unset(value) else property.problems(value, context)
    return problems_at(found, action, name)


def in_force(action: Action) -> dict[str, Any]:
    """The stored properties of an action that no other one takes the place of."""
    declared, stored = properties_of_type(action.type), action.properties
    return {
        name: value
        for name, value in stored.items()
        if name not in declared or not declared[name].is_overridden_in(stored)
    }


def problems_at(findings: Iterable[Finding], action: Action, name: str) -> Iterator[Problem]:
    return (Problem(action.id, name, finding.message, finding.severity) for finding in findings)


def unknown_property(name: str, known: Sequence[str]) -> str:
    shown = name[:LONGEST_NAME]
    near = get_close_matches(shown.lower().replace("-", "_"), known, 1)
    instead = f" Did you mean {near[0]}?" if near else f" Properties: {', '.join(known) or 'none'}."
    return f"There is no property {shown}; it is kept and does nothing.{instead}"
