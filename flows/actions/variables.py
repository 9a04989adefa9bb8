"""The variable that an action sets, as it is when the action begins."""

from __future__ import annotations

from flows.actions.base import Step
from flows.language.errors import ActionError
from flows.language.scope import Variable


def find_variable(name: str, step: Step) -> Variable:
    """Raises ActionError where there is none of that name."""
    found = step.scope.find(name)
    if found is None:
        raise ActionError("variable_missing", f"{name} is not a variable here.", "Declare it above this action.")
    return found
