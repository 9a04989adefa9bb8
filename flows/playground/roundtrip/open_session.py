"""Opens a recorded chat completion of a run as a new session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction

from flows.interpreter.inputs import first_scope
from flows.language.document import Document
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.language.scope import Scope
from flows.models import ActionRun, Run, State
from flows.playground.chat.results import AnswerRenderer
from flows.playground.models import Answer, Session, Turn
from flows.playground.roundtrip.history import Exchange
from flows.playground.roundtrip.replay_records import scope_of
from flows.playground.roundtrip.session_of_call import RecordedCall, SessionOpening, opening_of_call
from flows.playground.sessions.turn_tree import TurnNode, store_turns


def open_session(record: ActionRun, document: Document, action: Action, by: User) -> tuple[Session, Sequence[str]]:
    """A session that goes on from this call, and sentences about what it lacks."""
    opening = opening_of(record, document, action)
    return create_session(record, opening, by), opening.notes


def opening_of(record: ActionRun, document: Document, action: Action) -> SessionOpening:
    scope = scope_of(record, document)
    call = RecordedCall(
        properties=action.properties,
        scope=scope or scope_at_start(record.run, document),
        walked=scope is not None,
        rendered=record.inputs,
        sent=record.facts.get("prompt"),
    )
    return asyncio.run(opening_of_call(call))


def scope_at_start(run: Run, document: Document) -> Scope:
    try:
        return first_scope(document, run.inputs)
    except ActionError:
        return Scope()


@transaction.atomic
def create_session(record: ActionRun, opening: SessionOpening, by: User) -> Session:
    run = record.run
    session = Session.objects.create(
        name=f"{record.title[:160]}, run {run.pk}",
        owner=by,
        setup=opening.setup.to_json(),
        variables=dict(opening.variables),
        draft=opening.prompt,
        from_flow=run.flow if run.flow.is_in_designer else None,
        from_action=record.action_id,
    )
    if opening.earlier:
        store_turns(session, nodes_of(opening.earlier), head=len(opening.earlier) - 1)
    return session


def nodes_of(earlier: Sequence[Exchange]) -> list[TurnNode]:
    """One branch of turns that were asked elsewhere."""
    renderer = AnswerRenderer()
    return [
        TurnNode(
            Turn(prompt=each.prompt, images=list(each.images)),
            place - 1 if place else None,
            [Answer(state=State.SUCCEEDED, text=each.answer, html=renderer.html(each.answer))],
        )
        for place, each in enumerate(earlier)
    ]
