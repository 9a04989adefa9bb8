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

View = Callable[..., Any]


class Access(StrEnum):
    ANYONE = "anyone"
    READER = "reader"
    EDITOR = "editor"
    KEY = "key"  # of the API, with its scopes


def anyone(view: View) -> View:
    """Open to people who are not signed in: set-up, log-in, health."""
    view.access = Access.ANYONE  # type: ignore[attr-defined]
    return login_not_required(view)


def reader(view: View) -> View:
    """For everybody who is signed in; the log-in itself is demanded by LoginRequiredMiddleware."""
    view.access = Access.READER  # type: ignore[attr-defined]
    return view


def editor(view: View) -> View:
    """For people who may change flows and connections and start runs (staff)."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def guarded_async(request: Request, *args: Any, **kwargs: Any) -> Any:
            check_editor(await request.auser())
            return await view(request, *args, **kwargs)

        guarded = guarded_async
    else:

        @wraps(view)
        def guarded_sync(request: Request, *args: Any, **kwargs: Any) -> Any:
            check_editor(request.user)
            return view(request, *args, **kwargs)

        guarded = guarded_sync
    guarded.access = Access.EDITOR  # type: ignore[attr-defined]
    return guarded


def check_editor(user: Any) -> None:
    if not user.is_staff:
        raise PermissionDenied("Only editors may change this. An administrator can give you the role.")
