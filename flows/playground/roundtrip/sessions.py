"""Makes a session of a recorded chat completion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction

from flows.interpreter.runner import first_scope
from flows.language.document import Action, Document
from flows.language.errors import ActionError
from flows.language.scope import Scope
from flows.models import ActionRun, Room, Run, State
from flows.playground.chat.settling import Renderer
from flows.playground.models import Answer, Session, Turn
from flows.playground.roundtrip.history import Exchange
from flows.playground.roundtrip.opening import Called, Opening, opening
from flows.playground.roundtrip.recorded import scope_of
from flows.playground.sessions.trees import Node, plant


def opened(record: ActionRun, document: Document, action: Action, by: User) -> tuple[Session, Sequence[str]]:
    """A session that goes on from this call, and sentences about what it lacks."""
    begin = opening_of(record, document, action)
    return session_of(record, begin, by), begin.notes


def opening_of(record: ActionRun, document: Document, action: Action) -> Opening:
    scope = scope_of(record, document)
    called = Called(
        properties=action.properties,
        scope=scope or scope_at_start(record.run, document),
        walked=scope is not None,
        rendered=record.inputs,
        sent=record.facts.get("prompt"),
    )
    return asyncio.run(opening(called))


def scope_at_start(run: Run, document: Document) -> Scope:
    try:
        return first_scope(document, run.inputs)
    except ActionError:
        return Scope()


@transaction.atomic
def session_of(record: ActionRun, begin: Opening, by: User) -> Session:
    run = record.run
    session = Session.objects.create(
        name=f"{record.title[:160]}, run {run.pk}",
        owner=by,
        setup=begin.setup.to_json(),
        variables=dict(begin.variables),
        draft=begin.prompt,
        from_flow=run.flow if run.flow.room == Room.DESIGNER else None,
        from_action=record.action_id,
    )
    if begin.earlier:
        plant(session, nodes_of(begin.earlier), head=len(begin.earlier) - 1)
    return session


def nodes_of(earlier: Sequence[Exchange]) -> list[Node]:
    """One branch of turns that were asked elsewhere."""
    renderer = Renderer()
    return [
        Node(
            Turn(prompt=each.prompt, images=list(each.images)),
            place - 1 if place else None,
            [Answer(state=State.SUCCEEDED, text=each.answer, html=renderer.html(each.answer))],
        )
        for place, each in enumerate(earlier)
    ]
