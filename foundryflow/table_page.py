"""Pages of a table and a form that adds a row or changes one: with htmx the table comes without the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from foundryflow.http import Request
from foundryflow.regions import MESSAGES, Region, page, regions


@dataclass(frozen=True)
class TablePage:
    """Templates of the page and of the table in it, the id of the table, and the name of the address of the page."""

    template: str
    table_template: str
    id: str
    url_name: str

    def respond(self, request: Request, table: Any, status: int = 200) -> HttpResponse:
        context = {"table": table}
        if request.htmx:
            return regions(request, Region(self.table_template, self.id, context), status=status)
        return page(request, self.template, context, status=status)

    def respond_saved(self, request: Request, sentence: str, table: Any) -> HttpResponse:
        """The table as it is now, with the form for another row, and a message."""
        messages.info(request, sentence)
        if not request.htmx:
            return redirect(self.url_name)
        # Not morphed: what was typed belongs to the row that is saved now.
        region = Region(self.table_template, self.id, {"table": table}, swap="outerHTML")
        return regions(request, region, MESSAGES)
