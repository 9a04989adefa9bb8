"""What people are called."""

from __future__ import annotations

from django.contrib.auth.models import User


def name_of(user: User | None) -> str:
    """As others read it; nothing where nobody is known."""
    return (user.get_full_name() or user.get_username()) if user else ""
