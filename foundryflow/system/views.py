"""The System page, for administrators: how the server is set up and whether it works."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST, require_safe

from foundryflow import retention
from foundryflow.access import administrator
from foundryflow.http import Request
from foundryflow.markdown import render_markdown
from foundryflow.regions import Region, context_of, page, regions, wants_regions
from foundryflow.system import sheets
from foundryflow.system.as_text import text_of
from foundryflow.system.notes import notes_of
from foundryflow.system.retention_form import KINDS, RetentionRow, change_retention, retention_rows
from foundryflow.system.setup_sheets import disk_sheet
from foundryflow.system.snapshot import take_snapshot
from foundryflow.version import VERSION

CHANGES = settings.BASE_DIR / "CHANGELOG.md"


@administrator
@require_safe
def show(request: Request) -> HttpResponse:
    parts = system_regions()
    if wants_regions(request):
        return regions(request, *parts)
    return page(request, "system/show.html", {**context_of(parts), **retention_context()})


def system_regions() -> list[Region]:
    """What is looked at again every 10 seconds. The fields of the retention stay as they are."""
    snapshot = take_snapshot()
    notes = notes_of(snapshot)
    return [
        Region("system/_notes.html", "system-notes", {"notes": notes}),
        Region("system/_left.html", "system-left", {"left": sheets.left_sheets(snapshot)}),
        Region("system/_right.html", "system-right", {"right": sheets.right_sheets(snapshot)}),
        Region("system/_disk.html", "system-disk", {"disk": disk_sheet(snapshot)}),
        Region("system/_text.html", "system-text", {"text": text_of(snapshot, notes)}),
    ]


def retention_context(changed: RetentionRow | None = None) -> dict[str, Any]:
    rows = retention_rows(changed)
    return {"retention": rows, "erasure": f"{retention.next_erasure():%H:%M}"}


@administrator
@require_POST
def set_retention(request: Request, kind: str) -> HttpResponse:
    """Sets how long things of a kind are kept."""
    kept = KINDS.get(kind)
    if kept is None:
        raise Http404("There is nothing of this name to keep.")
    given = request.POST
    row = change_retention(request, kept, given.get("days", ""), confirmed="confirmed" in given)
    if not request.htmx:
        return redirect("system:show")
    status = 422 if row.error else 200
    return regions(request, Region("system/_retention.html", "retention", retention_context(row)), status=status)


@administrator
@require_safe
def changes(request: Request) -> HttpResponse:
    """What is new in this version."""
    if not CHANGES.is_file():
        raise Http404("This server was installed without its list of changes.")
    _, _, text = CHANGES.read_text().partition("\n")  # its own heading is that of the page
    html = mark_safe(render_markdown(text))  # noqa: S308 - that is what it makes
    return page(request, "system/changes.html", {"changes": html, "version": VERSION})
