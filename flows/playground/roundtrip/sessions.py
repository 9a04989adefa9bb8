"""Makes a session of a recorded chat completion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from flows.document import Action, Document
from flows.errors import ActionError
from flows.expressions import Scope
from flows.models import ActionRun, Room, Run, State
from flows.playground.chat.settling import Renderer
from flows.playground.models import Answer, Session, Turn
from flows.playground.roundtrip.history import Exchange
from flows.playground.roundtrip.opening import Called, Opening, opening
from flows.playground.roundtrip.recorded import scope_of
from flows.runner import first_scope


def opened(
    record: ActionRun, document: Document, action: Action, by: AbstractBaseUser
) -> tuple[Session, Sequence[str]]:
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
def session_of(record: ActionRun, begin: Opening, by: AbstractBaseUser) -> Session:
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
        session.head = add_turns(session, begin.earlier)
        session.save(update_fields=["head"])
    return session


def add_turns(session: Session, earlier: Sequence[Exchange]) -> Turn:
    """One branch of turns that were asked elsewhere; its end."""
    turns = [Turn(session=session, prompt=each.prompt, images=list(each.images)) for each in earlier]
    turns = Turn.objects.bulk_create(turns)
    for turn, before in zip(turns[1:], turns, strict=False):
        turn.parent = before
    Turn.objects.bulk_update(turns, ["parent"], batch_size=200)
    renderer = Renderer()
    Answer.objects.bulk_create(
        Answer(turn=turn, state=State.SUCCEEDED, text=each.answer, html=renderer.html(each.answer))
        for turn, each in zip(turns, earlier, strict=True)
    )
    return turns[-1]
