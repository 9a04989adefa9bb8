"""What people are called, and what is theirs to change."""

from __future__ import annotations

from typing import Any

from foundryflow.names import name_of as name_of
from foundryflow.roles import may_edit


def may_change(user: Any, owned: Any) -> bool:
    """Of a session or a batch: its owner may, as long as they may change anything."""
    return bool(owned.owner_id == user.pk and may_edit(user))
