"""What of an action nobody has come to yet: it is missing, which a run says, but no mistake to show to its author."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from flows.actions.registry import initial_properties, properties_of_type
from flows.language.document import Document
from flows.language.nodes import Action
from flows.lint.linter import Problem
from flows.properties.base import EMPTY


def open_problems(document: Document, problems: Iterable[Problem], being_filled_in: str = "") -> Collection[Problem]:
    """Errors at what is still as it was put in.

    The action `being_filled_in` was put in last and is still open: what stands below the last field that is filled in
    is yet to come. Of all others nothing is, once anything is filled in.
    """
    found = [problem for problem in problems if problem.severity == "error" and problem.action_id]
    actions = {each.action.id: each.action for each in document.walk()} if found else {}
    return {
        problem
        for problem in found
        if (action := actions.get(problem.action_id or ""))
        and is_open(action, problem.property, is_new=action.id == being_filled_in)
    }


def is_open(action: Action, property: str | None, *, is_new: bool) -> bool:
    """Whether nobody has come to the property, or to the action when None."""
    names = names_in_order(action)
    initial = initial_properties(action.type)
    conditions = {f"branch-{branch.id}-condition": branch.condition for branch in action.branches}
    values = {**action.properties, **conditions}
    filled_in = [name for name in names if values.get(name) not in (*EMPTY, initial.get(name))]
    if property is None or property not in names:
        return is_new and not filled_in
    return not filled_in or (is_new and names.index(property) > names.index(filled_in[-1]))


def names_in_order(action: Action) -> Sequence[str]:
    """What the panel asks for, from its top to its bottom."""
    return [*properties_of_type(action.type), *(f"branch-{branch.id}-condition" for branch in action.branches)]
