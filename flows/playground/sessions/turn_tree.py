"""Stores whole trees of turns with their answers, as forks, imports and opened runs bring them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.playground.models import Answer, Session, Turn

AT_ONCE = 100  # rows of one statement; an image may be megabytes


@dataclass(frozen=True)
class TurnNode:
    """A turn that is not stored yet. `parent` is the place of another node, before this one."""

    turn: Turn
    parent: int | None
    answers: list[Answer] = field(default_factory=list)


def store_turns(session: Session, nodes: Sequence[TurnNode], *, head: int | None) -> None:
    """Stores the nodes as the turns of the session; `head` is the place of the one that it shows."""
    for node in nodes:
        node.turn.session = session
    turns = Turn.objects.bulk_create([node.turn for node in nodes], batch_size=AT_ONCE)
    children = [(turn, node.parent) for turn, node in zip(turns, nodes, strict=True) if node.parent is not None]
    for turn, parent in children:
        turn.parent = turns[parent]
    Turn.objects.bulk_update([turn for turn, _ in children], ["parent"], batch_size=AT_ONCE)
    for turn, node in zip(turns, nodes, strict=True):
        for answer in node.answers:
            answer.turn = turn
    Answer.objects.bulk_create([answer for node in nodes for answer in node.answers], batch_size=AT_ONCE)
    session.head = None if head is None else turns[head]
    session.save(update_fields=["head"])
