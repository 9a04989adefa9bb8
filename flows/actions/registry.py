"""Finds the action types: every folder beside this file that has an `action.py`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from flows.actions.base import ActionType
from flows.language.nodes import Action
from flows.properties.base import Property, properties_of, properties_that

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


def find_type(type: str) -> ActionType | None:
    """The action type, if it is installed here."""
    found = _types().get(type)
    return found[0] if found else None


def all_types() -> list[ActionType]:
    return [known for known, _ in _types().values()]


@cache
def model_call_types() -> tuple[str, ...]:
    """The types of actions whose output is the answer of a model."""
    return tuple(known.type for known in all_types() if known.calls_model)


@cache
def container_types() -> tuple[str, ...]:
    """The types of actions that other actions stand in."""
    return tuple(known.type for known in all_types() if known.branches != "none")


@cache
def loop_types() -> tuple[str, ...]:
    """The types of actions whose branch is run again and again."""
    return tuple(known.type for known in all_types() if known.branches == "body")


def properties_of_type(type: str, that: str = "") -> Mapping[str, Property]:
    """The properties of an action type by name; none when it is not installed here.

    `that` names a method of properties: those whose kind has a word in it.
    """
    known = find_type(type)
    if known is None:
        return {}
    return properties_that(known.properties, that) if that else properties_of(known.properties)


def variables_declared(action: Action) -> Sequence[tuple[str, str, bool]]:
    """What an action brings into scope behind it: (name, type, global)."""
    known = find_type(action.type)
    return known.declares(action.properties) if known else ()


def initial_properties(type: str) -> dict[str, Any]:
    """The properties of a new action: those whose default is worth seeing."""
    declared = properties_of_type(type)
    return {name: each.default for name, each in declared.items() if each.default not in (None, "", (), [])}


def folder(type: str) -> Path:
    """Where help and icon of the type are. Raises UnknownAction."""
    action_type(type)
    return HERE / _types()[type][1]
