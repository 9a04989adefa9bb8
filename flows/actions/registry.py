"""Finds the action types: every folder beside this file that has an `action.py`."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from flows.actions.base import ActionType, default_of, props

HERE = Path(__file__).parent


class UnknownAction(LookupError):
    """No folder here is of this action type."""


@cache
def _types() -> dict[str, tuple[ActionType, str]]:
    found = {}
    for file in sorted(HERE.glob("*/action.py")):
        module = importlib.import_module(f"flows.actions.{file.parent.name}.action")
        for member in vars(module).values():
            if isinstance(member, type) and issubclass(member, ActionType) and member.__module__ == module.__name__:
                found[member.type] = (member(), file.parent.name)
    return found


def action_type(type: str) -> ActionType:
    """Raises UnknownAction."""
    if type not in _types():
        raise UnknownAction(type)
    return _types()[type][0]


def all_types() -> list[ActionType]:
    return [known for known, _ in _types().values()]


def folder(type: str) -> Path:
    """Where help, icon and form of the type are."""
    action_type(type)
    return HERE / _types()[type][1]


@cache
def form(type: str) -> Any:
    """The form class of the type; imported only where flows are edited, never by the runner."""
    return importlib.import_module(f"flows.actions.{folder(type).name}.form").Form


def default(type: str, name: str) -> Any:
    return default_of(action_type(type).properties, name)


def defaults(type: str) -> dict[str, Any]:
    """The properties of a new action: those whose default is worth seeing."""
    known = action_type(type).properties
    return {name: value for name in props(known) if (value := default_of(known, name)) not in (None, "", (), [])}
