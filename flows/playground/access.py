"""Sessions as views find them: what somebody may not see is not there."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404

from flows.playground.models import Session
from foundryflow.access import check_role
from foundryflow.http import Request
from foundryflow.roles import Role


def find_session(request: Request, pk: int, *, change: bool = False) -> Session:
    """A session; to change it one must own it, and be an editor still. Raises Http404, PermissionDenied."""
    found = Session.objects.visible_to(request.user).select_related("flow", "owner").filter(pk=pk).first()
    if found is None:
        raise Http404("This session does not exist any more.")
    if change and found.owner_id != request.user.pk:
        raise PermissionDenied(f"Only {found.owner.get_username()} may change this session. Fork it to go on from it.")
    if change:
        check_role(request.user, Role.EDITOR)
    return found
