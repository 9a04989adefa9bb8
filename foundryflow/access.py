"""Who may do what. Every view carries one of these marks, and `checks.py` refuses to start without."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied

from foundryflow.http import Request
from foundryflow.roles import Role, has_role

View = Callable[..., Any]


class Access(StrEnum):
    """Whom a view is for; a role means that one and those that may more."""

    ANYONE = "anyone"
    READER = "reader"
    RUNNER = "runner"
    EDITOR = "editor"
    ADMINISTRATOR = "administrator"
    KEY = "key"  # of the API, with its scopes


REFUSALS = {
    Role.READER: "Your account is switched off.",
    Role.RUNNER: "Only people with the role runner or above may run flows. An administrator can give you the role.",
    Role.EDITOR: "Only editors may change this. An administrator can give you the role.",
    Role.ADMINISTRATOR: "Only administrators may do this.",
}


def anyone(view: View) -> View:
    """Open to people who are not signed in: set-up, log-in, health."""
    view.access = Access.ANYONE  # type: ignore[attr-defined]
    return login_not_required(view)


def reader(view: View) -> View:
    """For everybody who is signed in; the log-in itself is demanded by LoginRequiredMiddleware."""
    view.access = Access.READER  # type: ignore[attr-defined]
    return view


def runner(view: View) -> View:
    """For people who may run flows."""
    return guard(view, Role.RUNNER)


def editor(view: View) -> View:
    """For people who may change flows and connections."""
    return guard(view, Role.EDITOR)


def administrator(view: View) -> View:
    """For people who may change the server and who else uses it."""
    return guard(view, Role.ADMINISTRATOR)


def guard(view: View, least: Role) -> View:
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded_async(request: Request, *args: Any, **kwargs: Any) -> Any:
            check_role(await request.auser(), least)
            return await view(request, *args, **kwargs)

        guarded = guarded_async
    else:

        @wraps(view)
        def guarded_sync(request: Request, *args: Any, **kwargs: Any) -> Any:
            check_role(request.user, least)
            return view(request, *args, **kwargs)

        guarded = guarded_sync
    guarded.access = Access(least)  # type: ignore[attr-defined]
    return guarded


def check_role(user: Any, least: Role) -> None:
    """Raises PermissionDenied with the sentence that the person reads."""
    if not has_role(user, least):
        raise PermissionDenied(REFUSALS[least])
