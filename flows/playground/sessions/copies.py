"""A session of one's own to go on from somebody's, and its end."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from flows.models import Flow
from flows.playground.models import Answer, Session, Turn
from flows.playground.sessions.queries import live_runs, tree_of
from flows.playground.sessions.trees import Node, plant

FORK = " (fork)"


def fork(origin: Session, *, by: User) -> Session:
    """Settings, draft, questions and answers; the runs stay with the original."""
    tree = tree_of(origin)
    places: dict[int | None, int] = {turn.pk: place for place, turn in enumerate(tree)}
    nodes = [
        Node(turn_of(turn), places.get(turn.parent_id), [answer_of(answer) for answer in answers])
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
        plant(session, nodes, head=places.get(origin.head_id))
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
def remove(session: Session) -> bool:
    """Deletes the session with its flow and runs. False, and nothing happens, while a call is going."""
    flow = Flow.objects.select_for_update().filter(pk=session.flow_id or 0).first()  # no run is added meanwhile
    if live_runs(session).exists():
        return False
    session.delete()
    if flow is not None:
        flow.remove()
    return True
