"""The audit log, for administrators: the list, one entry in full, and the list as a file. Nothing here changes it."""

from __future__ import annotations

import json

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from foundryflow.access import administrator
from foundryflow.audit.csv_export import csv_pieces
from foundryflow.audit.list_page import list_context, list_regions
from foundryflow.audit.record import Subject, as_json, origin_of, record
from foundryflow.audit.rows import audit_rows
from foundryflow.audit.search import AuditFilters
from foundryflow.database.threads import in_thread
from foundryflow.http import Request
from foundryflow.models import AuditEntry
from foundryflow.regions import Region, page, regions, wants_regions
from foundryflow.spreadsheets import csv_download


@administrator
@require_GET
def entry_list(request: Request) -> HttpResponse:
    if wants_regions(request):
        return regions(request, *list_regions(request.GET))
    return page(request, "audit/list.html", list_context(request.GET))


@administrator
@require_GET
def entry(request: Request, pk: int) -> HttpResponse:
    """All that is known of one entry. In the list it opens below its row, with ?closed it closes again."""
    found = AuditEntry.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("This entry is not kept any more.")
    [row] = audit_rows([found])
    context = {"row": row, "json": json.dumps(as_json(found), indent=2, ensure_ascii=False)}
    if request.htmx:
        context["is_open"] = "closed" not in request.GET
        return regions(request, Region("audit/_row.html", f"entry-{pk}", context))
    return page(request, "audit/entry.html", context)


@administrator
@require_GET
async def download(request: Request) -> StreamingHttpResponse:
    filters = AuditFilters.of(request.GET)
    await in_thread(record_export)(request)
    return csv_download("audit-log", csv_pieces(filters))


def record_export(request: Request) -> None:
    filters = sorted(request.GET)  # by name alone: what was looked for may be anything
    record(origin_of(request), "exported", Subject("server", "the audit log"), "as CSV", data={"filters": filters})
