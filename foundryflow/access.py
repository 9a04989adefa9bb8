"""Who may do what. Every view carries one of these marks, and `checks.py` refuses to start without."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404

from connections.models import Connection
from flows.batch.models import Batch, Cell
from flows.models import Flow, Run
from flows.playground.models import Session
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


def flow(request: Request, slug: str) -> Flow:
    found = Flow.objects.edited().select_related("head", "head__created_by").filter(slug=slug).first()
    if found is None:
        raise Http404(f"There is no flow {slug!r}.")
    return found


def run(request: Request, pk: int) -> Run:
    found = Run.objects.visible_to(request.user).select_related("flow", "revision", "started_by").filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no run {pk}.")
    return found


def connection(request: Request, pk: int) -> Connection:
    found = Connection.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("This connection does not exist any more.")
    return found


def session(request: Request, pk: int, *, change: bool = False) -> Session:
    """A session of the playground; to change it one must own it."""
    found = Session.objects.visible_to(request.user).select_related("flow", "owner").filter(pk=pk).first()
    if found is None:
        raise Http404("This session does not exist any more.")
    if change and found.owner_id != request.user.pk:
        raise PermissionDenied(f"Only {found.owner.get_username()} may change this session. Fork it to go on from it.")
    return found


def batch(request: Request, pk: int, *, change: bool = False) -> Batch:
    """A batch; to change it one must own it."""
    found = Batch.objects.visible_to(request.user).select_related("flow", "owner", "session").filter(pk=pk).first()
    if found is None:
        raise Http404("This batch does not exist any more.")
    if change and found.owner_id != request.user.pk:
        raise PermissionDenied(f"Only {found.owner.get_username()} may change this batch.")
    return found


def cell(request: Request, pk: int) -> Cell:
    """What one variant of a batch answered to one row."""
    batches = Batch.objects.visible_to(request.user)
    found = Cell.objects.filter(pk=pk, batch__in=batches).select_related("row", "batch__owner", "run").first()
    if found is None:
        raise Http404("This answer does not exist any more.")
    return found
