"""What people are called, and what is theirs to change."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from foundryflow.roles import may_edit


def name_of(user: User | None) -> str:
    """As others read it; nothing where nobody is known."""
    return (user.get_full_name() or user.get_username()) if user else ""


def may_change(user: Any, owned: Any) -> bool:
    """Of a session or a batch: its owner may, as long as they may change anything."""
    return bool(owned.owner_id == user.pk and may_edit(user))
