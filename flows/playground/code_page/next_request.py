"""The next request that the playground would send, from settings that need not be saved."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.foundry.values import ChatRequest
from flows.actions.chat_completion.action import Properties, chat_request
from flows.interpreter.inputs import first_scope
from flows.language.document import DocumentError
from flows.language.errors import ActionError
from flows.language.scope import Scope
from flows.playground.chat.branch import Tree, conversation, prompt_of
from flows.playground.chat.calls import variable_values
from flows.playground.models import Session
from flows.playground.setup import CONVERSATION, IMAGES, Setup, document_of
from flows.properties.base import properties_of, read_stored


@dataclass(frozen=True)
class NextRequest:
    """A call of one column. `templates` are those of the messages, in their order; empty for what was said before."""

    setup: Setup
    request: ChatRequest
    variables: Mapping[str, str]
    templates: tuple[str, ...]


class NothingToSend(Exception):
    """Nothing can be sent with these settings; the message is for people."""


def next_request(session: Session, column: int) -> NextRequest:
    """The draft as the next question; without one, the newest question once more. Raises NothingToSend."""
    setup = session.setup_of(column).as_sent
    prompt, before, images, known = next_question(session, column)
    values = variable_values(session, [*setup.templates(), prompt], known)
    messages = setup.newest_in_window(conversation(session, column, Tree.of(session).path(before)))
    try:
        document = document_of("code", setup, prompt, values)
        scope = first_scope(document, {**values, CONVERSATION: messages, IMAGES: images})
        request = chat_request(asyncio.run(render_properties(setup.properties(prompt), scope)))
    except ActionError as error:
        raise NothingToSend(f"{error.message} {error.hint}".strip()) from None
    except DocumentError as error:
        raise NothingToSend(" ".join(error.problems)) from None
    return NextRequest(
        setup,
        request,
        {name: value for name, value in values.items() if isinstance(value, str)},
        tuple(message_templates(setup, len(messages), prompt)),
    )


def next_question(session: Session, column: int) -> tuple[str, int | None, list[str], Mapping[str, Any]]:
    """Its template, the turn it follows, its images, and the variables it was asked with before."""
    own = session.columns[column].get("prompt") if column < len(session.columns) else ""
    draft = str(own or session.draft)
    turn = session.head
    if draft.strip() or turn is None:
        return draft, session.head_id, [], {}
    return prompt_of(turn, column), turn.parent_id, turn.images, turn.variables


async def render_properties(stored: Mapping[str, Any], scope: Scope) -> Properties:
    """Raises ActionError."""
    values = {}
    for name, property in properties_of(Properties).items():
        try:
            values[name] = await read_stored(property, stored.get(name), scope)
        except ValueError as error:
            raise ActionError("expression", f"{property.label}: {error}") from None
    return Properties(**{**values, "user_prompt": values["user_prompt"] or "", "model": values["model"] or ""})


def message_templates(setup: Setup, earlier: int, prompt: str) -> list[str]:
    examples = [text for example in setup.examples for text in (example.user, example.assistant)]
    return [*([setup.instructions] if setup.instructions else []), *examples, *[""] * earlier, prompt]
