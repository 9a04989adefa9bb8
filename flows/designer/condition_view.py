"""The rows of a condition, derived anew from an expression that somebody has typed."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from flows.access import find_flow
from foundryflow.access import editor
from foundryflow.http import Request
from foundryflow.regions import page


@editor
@require_GET
def show_rows(request: Request, slug: str) -> HttpResponse:
    """Of `expression`, for the field whose id is `target`."""
    find_flow(request, slug)
    context = {name: request.GET.get(name, "") for name in ("expression", "target")}
    return page(request, "properties/_condition_rows.html", context)
