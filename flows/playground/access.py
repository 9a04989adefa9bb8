"""Sessions as views find them: what somebody may not see is not there."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404

from flows.playground.models import Answer, Session, Turn
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


def find_turn(request: Request, pk: int, *, change: bool = False) -> Turn:
    """A question of a session that one may see, with the session."""
    seen = Session.objects.visible_to(request.user)
    found = Turn.objects.filter(pk=pk, session__in=seen).first()
    if found is None:
        raise Http404("This question does not exist any more.")
    found.session = find_session(request, found.session_id, change=change)
    return found


def find_answer(request: Request, pk: int, *, change: bool = False) -> Answer:
    """An answer of a session that one may see, with its question and the session."""
    seen = Session.objects.visible_to(request.user)
    found = Answer.objects.select_related("turn").filter(pk=pk, turn__session__in=seen).first()
    if found is None:
        raise Http404("This answer does not exist any more.")
    found.turn.session = find_session(request, found.turn.session_id, change=change)
    return found


def find_session_of(request: Request, slug: str) -> Session:
    """The session whose runs are those of this flow."""
    found = Session.objects.visible_to(request.user).filter(flow__slug=slug).first()
    if found is None:
        raise Http404("This session does not exist any more.")
    return found
