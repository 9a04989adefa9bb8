"""Reading across models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flows.models import Flow

Usage = dict[str, list[tuple[Flow, list[str]]]]


def usage_by_connection() -> Usage:
    """For each connection the flows whose current revision names it, with the titles of the actions that do."""
    used: Usage = {}
    for flow in Flow.objects.edited().select_related("head").exclude(head=None).order_by("name"):
        titles: dict[str, list[str]] = {}
        for action in actions_of(flow.current.document):
            properties = action.get("properties")
            name = properties.get("connection") if isinstance(properties, dict) else None
            if isinstance(name, str) and name:
                titles.setdefault(name, []).append(str(action.get("title") or action.get("type")))
        for name, named in titles.items():
            used.setdefault(name, []).append((flow, named))
    return used


def actions_of(node: Any) -> Iterator[dict[str, Any]]:
    """Every action of a stored document, read without parsing so that a broken one still counts."""
    actions = node.get("actions") if isinstance(node, dict) else None
    for action in actions if isinstance(actions, list) else []:
        if isinstance(action, dict):
            yield action
            branches = action.get("branches")
            for branch in branches if isinstance(branches, list) else []:
                yield from actions_of(branch)
