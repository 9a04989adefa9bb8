"""Go to: one field that leads anywhere."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from flows.go_to.search import find_places
from foundryflow.access import reader
from foundryflow.http import Request
from foundryflow.regions import Region, page, regions


@reader
@require_GET
def show(request: Request) -> HttpResponse:
    """The places for the words typed so far: the region of the dialog, without htmx a page."""
    context = {"found": find_places(request.user, request.GET.get("q", ""))}
    if request.htmx:
        return regions(request, Region("go_to/_results.html", "go-results", context, swap="outerHTML"))
    return page(request, "go_to/go_to.html", context)
