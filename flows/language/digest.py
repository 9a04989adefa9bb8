"""A digest of what decides with which inputs an action is executed: the flow above it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from flows.language.document import DocumentTree
from flows.language.nodes import Action


def digest_above(document: DocumentTree, action_id: str) -> str:
    """Differs when an input, an action in front of this one or the action itself was edited, and not for a title.

    Empty where the action is not in the document.
    """
    if document.find(action_id) is None:
        return ""
    parts = [document.json.get("inputs"), *parts_above(document, action_id)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def parts_above(document: DocumentTree, action_id: str) -> Iterator[list[Any]]:
    """In the order of the flow, the action itself last."""
    for located in document.walk():
        yield own_part(located.action)
        if located.action.id == action_id:
            return


def own_part(action: Action) -> list[Any]:
    conditions = [[branch.id, branch.condition] for branch in action.branches]
    return [action.id, action.type, action.disabled, action.properties, conditions]
