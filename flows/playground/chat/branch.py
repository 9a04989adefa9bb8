"""The tree of questions: the branch that is shown, what lies beside it, and the conversation that a model gets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Func, IntegerField, Q, QuerySet

from flows.language.expressions import ExpressionError, render
from flows.language.scope import Scope
from flows.language.values import as_text
from flows.models import State
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import Message, user_message
from flows.playground.variables import INPUTS, type_of

PICTURE = "data:image/png;base64,"  # stands for an image where only their number matters


class JsonLength(Func):
    """Items of a JSON list, without reading it."""

    function = "json_array_length"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="jsonb_array_length", **extra)


@dataclass(frozen=True)
class Tree:
    """Who comes after whom; numbers of turns alone, so that long sessions are light."""

    parents: Mapping[int, int | None]
    children: Mapping[int | None, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session) -> Tree:
        parents = dict(session.turns.order_by("pk").values_list("pk", "parent_id"))
        children: dict[int | None, list[int]] = defaultdict(list)
        for turn, parent in parents.items():
            children[parent].append(turn)
        return cls(parents, children)

    def path(self, to: int | None) -> list[int]:
        """The branch that ends there, from its first turn."""
        found: list[int] = []
        while to is not None and to in self.parents:
            found.append(to)
            to = self.parents[to]
        return found[::-1]

    def siblings(self, turn: int) -> list[int]:
        return self.children[self.parents[turn]]

    def newest_leaf(self, turn: int) -> int:
        """Where the newest branch through this turn ends."""
        while after := self.children.get(turn):
            turn = after[-1]
        return turn


def without_images(turns: QuerySet[Turn]) -> QuerySet[Turn]:
    """Without their images, which may be megabytes, but with their number."""
    return turns.defer("images").annotate(image_count=JsonLength(F("images")))


def prompt_of(turn: Turn, column: int) -> str:
    """The template that this column asked."""
    return str(turn.prompts.get(str(column), turn.prompt))


def render_prompt(template: str, variables: Mapping[str, Any]) -> str:
    """The question as it is sent, or was. A template that cannot be rendered stands as it is."""
    scope = Scope()
    for name, value in variables.items():
        scope.declare(name, type_of(value), value)
    scope.put(INPUTS, dict(variables))
    try:
        return as_text(render(template, scope))
    except ExpressionError:
        return template


def conversation(session: Session, column: int, path: Sequence[int], *, images: bool = True) -> list[Message]:
    """What was said along a branch, as one column knows it: each question as it was sent, and its chosen answer.

    A question without an answer is left out, with its failure. Where a column was not asked, it goes on from what
    the first column answered. Without `images` a short stand-in takes the place of each.
    """
    turns = session.turns.filter(pk__in=path)
    found = {turn.pk: turn for turn in (turns if images else without_images(turns))}
    answers: dict[int, dict[int, Answer]] = defaultdict(dict)
    chosen = Answer.objects.filter(turn__in=path, column__in={0, column}).filter(Q(chosen=True))
    for each in chosen.only("turn_id", "column", "state", "text", "edited"):
        answers[each.turn_id][each.column] = each
    messages: list[Message] = []
    for pk in path:
        turn, answer = found.get(pk), answers[pk].get(column, answers[pk].get(0))
        if turn is None or answer is None or not can_continue_from(answer):
            continue
        text = render_prompt(prompt_of(turn, answer.column), turn.variables)
        shown = turn.images if images else [PICTURE] * getattr(turn, "image_count", 0)
        messages += [user_message(text, shown), {"role": "assistant", "content": answer.text}]
    return messages


def can_continue_from(answer: Answer) -> bool:
    """Whether a conversation can go on from it."""
    return bool(answer.text) and (answer.edited or answer.state in (State.SUCCEEDED, State.CANCELLED))
