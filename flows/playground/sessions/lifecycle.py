"""Forks and deletes sessions."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from flows.models import Flow
from flows.playground.models import Answer, Session, Turn
from flows.playground.sessions.queries import answers_by_turn, live_runs
from flows.playground.sessions.turn_tree import TurnNode, store_turns

FORK = " (fork)"


def fork_session(origin: Session, *, by: User) -> Session:
    """Copies settings, draft, questions and answers into a session of one's own; runs stay with the original."""
    tree = answers_by_turn(origin)
    places: dict[int | None, int] = {turn.pk: place for place, turn in enumerate(tree)}
    nodes = [
        TurnNode(turn_of(turn), places.get(turn.parent_id), [answer_of(answer) for answer in answers])
        for turn, answers in tree.items()
    ]
    with transaction.atomic():
        session = Session.objects.create(
            name=origin.name.removesuffix(FORK)[: 200 - len(FORK)] + FORK,
            owner=by,
            setup=origin.setup,
            columns=origin.columns,
            comparing=origin.comparing,
            variables=origin.variables,
            draft=origin.draft,
            origin=origin,
            from_flow=origin.from_flow,
            from_action=origin.from_action,
        )
        store_turns(session, nodes, head=places.get(origin.head_id))
    return session


def turn_of(turn: Turn) -> Turn:
    return Turn(prompt=turn.prompt, prompts=turn.prompts, images=turn.images, variables=turn.variables)


def answer_of(answer: Answer) -> Answer:
    return Answer(
        column=answer.column,
        number=answer.number,
        chosen=answer.chosen,
        winner=answer.winner,
        edited=answer.edited,
        setup=answer.setup,
        state=answer.state,
        text=answer.text,
        html=answer.html,
        facts=answer.facts,
        usage=answer.usage,
        warning=answer.warning,
        error=answer.error,
    )


@transaction.atomic
def delete_session(session: Session) -> bool:
    """Deletes the session with its flow and runs. False, and nothing happens, while a call is going."""
    flow = Flow.objects.select_for_update().filter(pk=session.flow_id or 0).first()  # no run is added meanwhile
    if live_runs(session).exists():
        return False
    session.delete()
    if flow is not None:
        flow.remove()
    return True
