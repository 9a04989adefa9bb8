"""Flows and runs as views find them: what somebody may not see is not there."""

from __future__ import annotations

from django.http import Http404

from flows.models import Flow, Run
from foundryflow.http import Request


def find_flow(request: Request, slug: str) -> Flow:
    flows = Flow.objects.in_designer().select_related("head", "head__created_by", "published")
    found = flows.defer("published__document").filter(slug=slug).first()
    if found is None:
        raise Http404(f"There is no flow {slug!r}.")
    return found


def find_run(request: Request, pk: int, *later: str) -> Run:
    """`later` are fields that are read where they are used."""
    seen = Run.objects.visible_to(request.user).select_related("flow", "revision", "started_by")
    found = seen.defer(*later).filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no run {pk}.")
    return found
