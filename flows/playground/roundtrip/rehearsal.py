"""Rehearses a session: runs its flow up to the call, to see which messages it would send."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import ChatRequest, Message, Target
from connections.secret import Secret
from flows.actions.chat_completion.action import Properties, messages
from flows.actions.chat_completion.call import content_for_record
from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import DocumentError
from flows.language.errors import ActionError, RunFailed
from flows.language.rendering import render
from flows.language.scope import Scope
from flows.playground.roundtrip.history import Exchange
from flows.playground.setup import CONVERSATION, IMAGES, Setup, document_of, user_message
from flows.playground.variables import values_of
from flows.properties.base import properties_of, read_stored

NAME = "rehearsal"
NOWHERE = Target(NAME, parse_endpoint("https://rehearsal.invalid/openai/v1"), Secret(NAME))

PARTS = ("system_prompt", "user_prompt", "images", "history", "context", "prompt_template")  # of the messages

SentMessages = list[dict[str, Any]]  # messages as the record of a call shows them


class RequestListener:
    """Takes the request and answers nothing."""

    def __init__(self) -> None:
        self.request: ChatRequest | None = None

    async def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[Any, None]:
        self.request = request
        return
        yield  # which makes it a generator


async def rehearse(
    setup: Setup, prompt: str, typed: Mapping[str, str], earlier: Sequence[Exchange]
) -> SentMessages | None:
    """The messages; None when it does not come to a call."""
    setup = dataclasses.replace(setup.as_sent, connection=NAME, model=setup.model or NAME)
    values = values_of([*setup.templates(), prompt], typed)
    listener = RequestListener()
    inputs = {**values, CONVERSATION: await conversation(earlier), IMAGES: []}
    try:
        document = document_of(NAME, setup, prompt, values)
        await execute(document, inputs, MemoryJournal(), MemoryServices(listener, {NAME: NOWHERE}))
    except (DocumentError, RunFailed):
        pass  # it ends without an answer; the messages are what counts
    return messages_for_record(listener.request.messages) if listener.request else None


async def messages_in(stored: Mapping[str, Any], scope: Scope) -> SentMessages | None:
    """The messages of a chat completion with these properties; None when they cannot be rendered."""
    known = properties_of(Properties)
    try:
        made = {name: await read_stored(known[name], stored.get(name), scope) for name in PARTS}
        return messages_for_record(messages(Properties(**{"model": NAME, **made})))
    except (ActionError, ValueError):
        return None


def messages_for_record(sent: Sequence[Message]) -> SentMessages:
    return [{"role": message.role, "content": content_for_record(message.content)} for message in sent]


async def conversation(earlier: Sequence[Exchange]) -> list[Mapping[str, Any]]:
    sent: list[Mapping[str, Any]] = []
    for turn in earlier:
        question = user_message(await render(turn.prompt, Scope()), turn.images)
        sent += [question, {"role": "assistant", "content": turn.answer}]
    return sent
