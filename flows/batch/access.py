"""Batches as views find them: what somebody may not see is not there."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404

from flows.batch.models import Batch, Cell
from foundryflow.http import Request


def find_batch(request: Request, pk: int, *, change: bool = False) -> Batch:
    """A batch; to change it one must own it. Raises Http404, PermissionDenied."""
    found = Batch.objects.visible_to(request.user).select_related("flow", "owner", "session").filter(pk=pk).first()
    if found is None:
        raise Http404("This batch does not exist any more.")
    if change and found.owner_id != request.user.pk:
        raise PermissionDenied(f"Only {found.owner.get_username()} may change this batch.")
    return found


def find_cell(request: Request, pk: int) -> Cell:
    """What one variant of a batch answered to one row."""
    batches = Batch.objects.visible_to(request.user)
    found = Cell.objects.filter(pk=pk, batch__in=batches).select_related("row", "batch__owner", "run").first()
    if found is None:
        raise Http404("This answer does not exist any more.")
    return found


def find_batch_of(request: Request, slug: str) -> Batch:
    """The batch whose runs are those of this flow."""
    found = Batch.objects.visible_to(request.user).filter(flow__slug=slug).first()
    if found is None:
        raise Http404("This batch does not exist any more.")
    return found
