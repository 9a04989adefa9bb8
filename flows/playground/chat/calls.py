"""Calls of one column: the document that a question becomes, its run, and the answer that waits for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max

from flows import engine
from flows.language.document import Document, DocumentError
from flows.models import Flow, Revision, Room, Run
from flows.playground.chat.branch import Tree, conversation, prompt_of
from flows.playground.chat.comparison import field_name
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import CONVERSATION, IMAGES, Setup, document_of
from flows.playground.variables import optional_in, values_of, variables_in

VIA = "playground"
SEARCHED = 20  # newest revisions in which an equal document is looked for


class NotAskable(Exception):
    """What keeps a question from being asked, by the name of its field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


def variable_values(session: Session, templates: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """What the variables of templates stand for: as known already, else as typed now."""
    typed = {name: str(value) for name, value in session.variables.items()}
    named = {**variables_in(templates), **optional_in(templates)}
    return {**values_of(templates, typed), **{name: value for name, value in known.items() if name in named}}


@dataclass(frozen=True)
class ColumnCall:
    """One call of a column, ready to be made any number of times."""

    column: int
    setup: Setup
    revision: Revision
    inputs: Mapping[str, Any]


def prepare_call(session: Session, turn: Turn, column: int, by: User) -> ColumnCall:
    """Builds the document of a question and its inputs. Raises NotAskable."""
    setup, prompt = session.setup_of(column).as_sent, prompt_of(turn, column)
    variables = variable_values(session, [*setup.templates(), prompt], turn.variables)
    messages = setup.newest_in_window(conversation(session, column, Tree.of(session).path(turn.parent_id)))
    try:
        document = document_of(session.name, setup, prompt, variables)
    except DocumentError as error:
        raise NotAskable({field_name("prompt", column): "; ".join(error.problems)}) from None
    inputs = {**variables, CONVERSATION: messages, IMAGES: turn.images}
    return ColumnCall(column, setup, commit_once(session, document, by), inputs)


def start_call(turn: Turn, call: ColumnCall, by: User, *, chosen: bool = True) -> Answer:
    """Starts a run of the call; gives the answer that will hold what comes of it."""
    run = Run.objects.start(
        flow=call.revision.flow,
        inputs=call.inputs,
        by=by,
        via=VIA,
        revision=call.revision,
        priority=engine.URGENT,
    )
    engine.submit(run)
    tries = Answer.objects.filter(turn=turn, column=call.column)
    number = (tries.aggregate(newest=Max("number"))["newest"] or 0) + 1
    if chosen:
        tries.filter(chosen=True).update(chosen=False)
    return Answer.objects.create(
        turn=turn,
        column=call.column,
        number=number,
        chosen=chosen or number == 1,
        run=run,
        setup=call.setup.to_json(),
    )


def commit_once(session: Session, document: Document, by: User) -> Revision:
    """The revision of the session's own flow with this document, committed when there is none."""
    if session.flow is None:
        session.flow = Flow.objects.create_flow(document, by=by, note="asked", room=Room.PLAYGROUND)
        return session.flow.current
    as_json = document.to_json()
    for revision in session.flow.revisions.all()[:SEARCHED]:
        if revision.document == as_json:
            revision.flow = session.flow
            return revision
    return session.flow.commit(document, by=by, base=session.flow.current.number, note="asked")
