"""The revisions of a flow as a tree: what lies between two of them, and what somebody can undo and redo.

Undo takes back what the person did last. Where that is the current revision, the head goes back to its parent. Where
others have changed the flow since, a new revision takes it back and keeps theirs (`Revision.takes_back`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Q

from flows.models.flow import Flow

MOST_STEPS = 300  # revisions that are looked at


@dataclass(frozen=True)
class RevisionStep:
    """A revision without its document."""

    pk: int
    number: int
    parent: int | None
    author: int | None
    takes_back: int | None


class FlowHistory:
    """The newest revisions of a flow, read once."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    @cached_property
    def steps(self) -> dict[int, RevisionStep]:
        """By key, the newest first: the newest of all, and where much was undone those before the current one, too."""
        rows = self.flow.revisions.order_by("-number").values_list(
            "pk", "number", "parent_id", "created_by_id", "takes_back_id"
        )
        found, head = list(rows[:MOST_STEPS]), self.flow.current
        if len(found) == MOST_STEPS and head.number - found[-1][1] < MOST_STEPS // 2:
            found += rows.filter(Q(number__lte=head.number) | Q(parent=head))[:MOST_STEPS]
        return {pk: RevisionStep(pk, *rest) for pk, *rest in found}

    @property
    def head(self) -> RevisionStep | None:
        return self.steps.get(self.flow.current.pk)

    def way_back(self) -> Iterator[RevisionStep]:
        """From the current revision to the first one that is known."""
        step = self.head
        while step is not None:
            yield step
            step = self.steps.get(step.parent) if step.parent else None

    def between(self, base: int) -> list[tuple[RevisionStep, RevisionStep, RevisionStep]]:
        """How one comes from the revision numbered `base` to the current one: from, to, and whose change that was.

        What was undone is gone through backwards, as something its author did. Nothing where the way is not known.
        """
        start = next((step for step in self.steps.values() if step.number == base), None)
        back: list[tuple[RevisionStep, RevisionStep, RevisionStep]] = []
        forth: list[tuple[RevisionStep, RevisionStep, RevisionStep]] = []
        one, other = start, self.head
        while one is not None and other is not None and one != other:
            later = one if one.number > other.number else other
            parent = self.steps.get(later.parent) if later.parent else None
            if parent is None:
                return []
            if later is one:
                back.append((one, parent, one))
                one = parent
            else:
                forth.append((parent, other, other))
                other = parent
        return [*back, *reversed(forth)] if one is not None and other is not None else []

    def stacks(self, person: int) -> tuple[list[RevisionStep], list[RevisionStep]]:
        """What the person has done to what is current, and what of it was taken back, each in its order."""
        done: list[RevisionStep] = []
        undone: list[RevisionStep] = []
        for step in reversed(list(self.way_back())):
            if step.author != person or step.parent is None:
                continue
            if step.takes_back is None:
                done.append(step)
                undone.clear()
            elif any(each.pk == step.takes_back for each in done):
                done = [each for each in done if each.pk != step.takes_back]
                undone.append(step)
            else:
                undone = [each for each in undone if each.pk != step.takes_back]
                done.append(step)
        return done, undone

    def to_undo(self, person: int, base: int | None = None) -> RevisionStep | None:
        """What the person did last, as far as revision `base`.

        Who has not done anything here takes back what somebody else did last; who has, never does so by one press too
        many.
        """
        done, undone = self.stacks(person)
        mine = [step for step in done if base is None or step.number <= base]
        head = self.head
        if mine or done or undone or head is None or base not in (None, head.number):
            return mine[-1] if mine else None
        has_undone = any(step.author == person for step in self._children())
        return None if has_undone or head.parent is None else head

    def to_redo(self, person: int) -> RevisionStep | None:
        """What the person has undone last: a revision made from the current one, or one that took something back."""
        children, undone = self._children(), self.stacks(person)[1]
        return children[0] if children else undone[-1] if undone else None

    def _children(self) -> list[RevisionStep]:
        """What was made from the current revision, the newest first; what took back something is none of it."""
        head = self.head
        return [step for step in self.steps.values() if head and step.parent == head.pk and step.takes_back is None]
