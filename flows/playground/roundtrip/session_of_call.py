"""Works out the session that a recorded call opens as: settings, prompt, values, and what could not be kept."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flows.language.expressions import ExpressionError
from flows.language.rendering import render_deep
from flows.language.scope import Scope
from flows.playground.roundtrip.history import Exchange, HistoryNotKept, exchanges
from flows.playground.roundtrip.rehearsal import SentMessages, messages_in, rehearse
from flows.playground.roundtrip.typed_values import TypedValues, typed_values
from flows.playground.setup import Setup, setup_of
from foundryflow.strict_json import JsonError, storable_json

MOST_REHEARSALS = 16


@dataclass(frozen=True)
class RecordedCall:
    """What is known of one execution of a chat completion."""

    properties: Mapping[str, Any]  # as stored: templates
    scope: Scope  # the variables in front of it, else those the run began with
    walked: bool  # whether they are those in front of it
    rendered: Mapping[str, Any] = field(default_factory=dict)  # its properties as the record shows them
    sent: SentMessages | None = None  # the messages, if it came to a call


@dataclass(frozen=True)
class SessionOpening:
    """A session to be. `notes` are sentences about what it lacks."""

    setup: Setup
    prompt: str
    variables: Mapping[str, str]
    earlier: Sequence[Exchange]
    notes: Sequence[str]


async def opening_of_call(call: RecordedCall) -> SessionOpening:
    setup, prompt = setup_of(call.properties)
    setup = replace(setup, parameters=parse_response_format(setup.parameters))
    known = typed_values([*setup.templates(), prompt], call.scope)
    earlier, lost = await earlier_turns(call, setup)
    images, files = attached_to(call, "images"), attached_to(call, "files")
    sent = await sent_messages(call, has_attachments=bool(images or files))
    variables, same = await choose_values(setup, prompt, known, earlier, sent)
    notes = [
        *notes_on_connection(call.properties),
        *notes_on_values(known, call.walked),
        *([f"The history of the run is left out: {lost}."] if lost else []),
        *([f"{counted_noun(images, 'image')} of the run must be attached again."] if images else []),
        *([f"{counted_noun(files, 'file')} of the run must be attached again, images only."] if files else []),
    ]
    if not same and not notes:
        notes.append(
            "What this session sends differs from the prompt of the run. Compare it with the run's Prompt sent."
        )
    return SessionOpening(setup, prompt, variables, earlier, notes)


def parse_response_format(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A response format that was typed as text becomes the object that it means."""
    format = parameters.get("response_format")
    if not isinstance(format, str):
        return dict(parameters)
    try:
        value = storable_json(format)
    except JsonError:
        return dict(parameters)
    return {**parameters, "response_format": value} if isinstance(value, dict) else dict(parameters)


async def choose_values(
    setup: Setup, prompt: str, known: TypedValues, earlier: Sequence[Exchange], sent: SentMessages | None
) -> tuple[dict[str, str], bool]:
    """The values that lead to what was sent, and whether they do; the likeliest where that is not known."""
    names = list(known.texts)
    if sent is not None:
        for ways in itertools.islice(itertools.product(*known.texts.values()), MOST_REHEARSALS):
            typed = dict(zip(names, ways, strict=True))
            if await rehearse(setup, prompt, typed, earlier) == sent:
                return typed, True
    return {name: ways[0] for name, ways in known.texts.items()}, sent is None


async def sent_messages(call: RecordedCall, *, has_attachments: bool) -> SentMessages | None:
    """The messages without images and files: as recorded, else as they would have been."""
    if call.sent and not has_attachments:
        return call.sent
    stored = {name: value for name, value in call.properties.items() if name != "images"}
    return await messages_in(stored, call.scope) if call.walked else None


async def earlier_turns(call: RecordedCall, setup: Setup) -> tuple[list[Exchange], str]:
    """The turns that its history holds beyond the examples; none and why, when a session cannot keep them."""
    try:
        return exchanges(await history_of(call), len(setup.examples)), ""
    except HistoryNotKept as error:
        return [], str(error)


async def history_of(call: RecordedCall) -> Any:
    if call.walked:
        try:
            return await render_deep(call.properties.get("history"), call.scope)
        except ExpressionError:
            pass  # as it failed in the run
    return call.rendered.get("history")


def attached_to(call: RecordedCall, name: str) -> int:
    """How many images, or files."""
    given = call.rendered.get(name)
    return len(given) if isinstance(given, list) else int(bool(given))


def notes_on_connection(properties: Mapping[str, Any]) -> list[str]:
    name, instead = properties.get("dynamic_connection"), properties.get("connection")
    if not name:
        return []
    then = f"This session uses {instead}." if instead else "Choose a connection."
    return [f"The run used the connection in the variable {name}, whose key is not stored. {then}"]


def notes_on_values(known: TypedValues, walked: bool) -> list[str]:
    notes = []
    if known.secret:
        notes.append(f"Secrets are not stored, so they are left empty: {', '.join(known.secret)}.")
    if known.long:
        notes.append(f"Too long for a field, so left empty: {', '.join(known.long)}.")
    if known.unknown:
        notes.append(f"Not known any more, so left empty: {', '.join(known.unknown)}.")
    elif known.texts and not walked:
        notes.append("The values are those that the run began with; what its actions had set is not known any more.")
    return notes


def counted_noun(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"
