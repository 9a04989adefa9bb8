"""Shows usage, and gives it as CSV."""

from __future__ import annotations

import csv

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows.usage.page import UsagePage
from flows.usage.table_file import COLUMNS, MOST_LINES, file_name, lines_of
from foundryflow.access import reader
from foundryflow.audit.record import Subject, origin_of, record
from foundryflow.http import Request
from foundryflow.regions import page


@reader
@require_GET
def show(request: Request) -> HttpResponse:
    """Everything the page shows is in its address."""
    return page(request, "usage/usage.html", {"page": UsagePage(request.user, request.GET, timezone.now())})


@reader
@require_GET
def download(request: Request) -> HttpResponse:
    """The same period and filters as CSV, a line for each hour or day and all that calls are counted by."""
    shown = UsagePage(request.user, request.GET, timezone.now())
    lines = shown.search.lines(shown.step, MOST_LINES)
    if len(lines) > MOST_LINES:
        messages.info(request, f"More than {MOST_LINES:,} lines. Choose a shorter period, days or a filter.")
        return redirect(reverse("usage:show") + shown.query())
    record(origin_of(request), "exported", Subject("data", "usage"), "as CSV", data={"filters": sorted(request.GET)})
    disposition = f'attachment; filename="{file_name(shown.period)}"'
    response = HttpResponse(content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    writer.writerows(lines_of(lines))
    return response
