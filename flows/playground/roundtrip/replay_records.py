"""Reads the records of a run for a replay: exact where they were kept whole, else as people may see them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any

from connections.endpoint.endpoint import Endpoint, EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Target
from connections.secret import MASK, Secret
from flows.actions import registry
from flows.interpreter.checkpoint import CheckpointError, unpack_outcome
from flows.interpreter.journal import ActionEnd, ActionFailed, ActionFinished
from flows.language.document import Document
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.scope import Scope
from flows.language.values import ConnectionValue, Declared
from flows.models import ActionRun, Run, State
from flows.playground.roundtrip.replay import RecordedOutcomes, scope_before

ITERATION = re.compile(r"\[\d+\]$")
NOWHERE = parse_endpoint("https://unknown.invalid/openai/v1")


def scope_of(record: ActionRun, document: Document) -> Scope | None:
    """The variables in front of the recorded action. Secrets among them are masks."""
    run = record.run
    return asyncio.run(scope_before(document, run.inputs, recorded_outcomes(record, document), record.path))


def recorded_outcomes(record: ActionRun, document: Document) -> RecordedOutcomes:
    run = record.run
    past = RecordedOutcomes(apart=parallel_loops(run, record.path))
    kept = {
        checkpoint.path: checkpoint.plain
        for checkpoint in run.checkpoints.filter(note=False, sealed=None)
        if not past.beside(checkpoint.path)
    }
    outcomes: dict[str, ActionEnd] = {}
    failures: dict[str, ActionError] = {}
    earlier = run.actions.filter(order__lt=record.order, state__in=(State.SUCCEEDED, State.FAILED))
    for row in earlier.defer("inputs", "facts", "text"):
        if past.beside(row.path):
            continue
        action = document.find(row.action_id)
        if action is None or not action.branches:
            outcomes[row.path] = outcome_of(row, kept.get(row.path), action)
        elif row.error and row.error.get("kind") != "inside":
            failures[row.path] = error_of(row)
    return RecordedOutcomes(outcomes, failures, past.apart)


def parallel_loops(run: Run, path: str) -> dict[str, str]:
    """The loops around `path` whose iterations ran side by side, each with the iteration that leads there."""
    around = dict(containers(path))
    rows = run.actions.filter(path__in=around).values_list("path", "inputs")
    return {loop: around[loop] for loop, inputs in rows if around[loop] != f"{loop}/" and is_parallel(inputs)}


def containers(path: str) -> Iterator[tuple[str, str]]:
    """The containers around a path, each with how the paths inside begin."""
    parts = path.split("/")
    for depth in range(1, len(parts)):
        inside = "/".join(parts[:depth])
        yield ITERATION.sub("", inside), f"{inside}/"


def is_parallel(inputs: Mapping[str, Any]) -> bool:
    width = inputs.get("parallelism")
    return isinstance(width, int | float) and width > 1


def outcome_of(row: ActionRun, kept: str | None, action: Action | None) -> ActionEnd:
    if kept is not None:
        try:
            return unpack_outcome(row.path, kept)
        except CheckpointError:
            pass  # what people see of it is left
    if row.state == State.FAILED:
        return ActionFailed(row.path, 0, error_of(row))
    return ActionFinished(
        row.path,
        0,
        output=revive(row.output),
        variables={name: revive(value) for name, value in row.variables.items()},
        declared=tuple(declared_variables(row, action)) if action else (),
    )


def declared_variables(row: ActionRun, action: Action) -> Iterator[Declared]:
    """The variables that it declared: their types from the document, their values from the record."""
    output = row.output if isinstance(row.output, Mapping) else {}
    rows = action.properties.get("variables")
    lifted = {
        each["name"]: each.get("global") is True
        for each in (rows if isinstance(rows, list) else [])
        if isinstance(each, Mapping) and isinstance(each.get("name"), str)
    }
    try:
        known = registry.action_type(action.type).declares(action.properties)
    except registry.UnknownAction:
        return
    for name, type, _ in known:
        if name in output and name in lifted:
            yield Declared(name, type, revive(output[name]), lifted[name])


def error_of(row: ActionRun) -> ActionError:
    error = row.error or {}
    return ActionError(str(error.get("kind")), str(error.get("message")), str(error.get("hint") or ""))


def revive(value: Any) -> Any:
    """What people see of a value, as one of the scope: a mask is a secret, a connection has no key."""
    match value:
        case str() if value == MASK:
            return Secret(MASK)
        case {"connection": str() as name, "host": str() as host} if len(value) == 2:
            return ConnectionValue(name, Target(host, endpoint_at(host), Secret(MASK)))
        case dict():
            return {key: revive(inner) for key, inner in value.items()}
        case list():
            return [revive(inner) for inner in value]
    return value


def endpoint_at(host: str) -> Endpoint:
    try:
        return parse_endpoint(f"https://{host}/openai/v1")
    except EndpointError:
        return NOWHERE
