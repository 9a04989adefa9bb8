"""The four roles, and what each may do. One function answers for pages, streams and keys of the API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.http import HttpRequest


class Role(models.TextChoices):
    """From the one who may least to the one who may most: each may what those before it may."""

    READER = "reader", "Reader"
    RUNNER = "runner", "Runner"
    EDITOR = "editor", "Editor"
    ADMINISTRATOR = "administrator", "Administrator"

    @property
    def rank(self) -> int:
        return list(Role).index(self)


# What the form says below the role that is chosen.
ROLE_HINTS = {
    Role.READER: "Sees flows, runs and usage, changes nothing.",
    Role.RUNNER: "Runs flows, changes nothing.",
    Role.EDITOR: "Changes flows and connections, and uses the playground.",
    Role.ADMINISTRATOR: "Everything, people and the server too.",
}


def role_of(user: Any) -> Role | None:
    """None of somebody who is not signed in or is switched off."""
    if not user.is_authenticated or not user.is_active:
        return None
    try:
        return Role(user.account.role)
    except ObjectDoesNotExist:  # made by something that sends no signals
        return role_by_flags(user)


def role_by_flags(user: Any) -> Role:
    """The role that Django's own flags mean: those of `manage.py createsuperuser` and of installations before roles."""
    if user.is_superuser:
        return Role.ADMINISTRATOR
    return Role.EDITOR if user.is_staff else Role.READER


def has_role(user: Any, least: Role) -> bool:
    """Whether somebody has this role or one that may more."""
    role = role_of(user)
    return role is not None and role.rank >= least.rank


def may_run(user: Any) -> bool:
    return has_role(user, Role.RUNNER)


def may_edit(user: Any) -> bool:
    return has_role(user, Role.EDITOR)


def may_administer(user: Any) -> bool:
    return has_role(user, Role.ADMINISTRATOR)


class Permissions:
    """What templates ask: `may.run`, `may.edit`, `may.administer`."""

    def __init__(self, user: Any) -> None:
        self.user = user

    def run(self) -> bool:
        return may_run(self.user)

    def edit(self) -> bool:
        return may_edit(self.user)

    def administer(self) -> bool:
        return may_administer(self.user)


def permissions(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    return {"may": Permissions(request.user)} if hasattr(request, "user") else {}
