"""Large values whole: shown in the page when somebody asks for them, or downloaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from flows.access import find_run
from flows.engine.records import LONGEST_PATH
from flows.models import ActionRun, LogEntry, Run
from flows.models.audited import of_flow, run_subject
from flows.runs.values import ValuePlace, ValueView
from foundryflow.access import reader
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, regions
from foundryflow.templatetags.ui import pretty

MOST_SHOWN = 5_000_000  # characters; what is longer is for a download


def prompt_of(record: ActionRun, name: str) -> Any:
    return record.facts["prompt"][whole_number(name, 6) or 0]["content"]


def response_of(record: ActionRun, _: str) -> Any:
    return record.output["text"] if isinstance(record.output, Mapping) and "text" in record.output else record.text


OF_ACTIONS: dict[str, Callable[[ActionRun, str], Any]] = {
    "input": lambda record, name: record.inputs[name],
    "output": lambda record, _: record.output,
    "variable": lambda record, name: record.variables[name],
    "prompt": prompt_of,
    "response": response_of,
    "raw": lambda record, _: record.facts["raw"],
    "refusal": lambda record, _: (record.error or {})["raw"],
}
OF_RUNS: dict[str, Callable[[Run, str], Any]] = {
    "input": lambda run, name: run.inputs[name],
    "output": lambda run, _: run.output,
    "line": lambda run, name: run.log.get(event=whole_number(name, 9) or 0).message,
}
ABSENT = (KeyError, IndexError, TypeError, ActionRun.DoesNotExist, LogEntry.DoesNotExist)


def whole_value(run: Run, place: ValuePlace) -> Any:
    """What stands there. Raises Http404."""
    try:
        if place.action:
            return OF_ACTIONS[place.of](run.actions.get(path=place.action[:LONGEST_PATH]), place.name)
        return OF_RUNS[place.of](run, place.name)
    except ABSENT:
        raise Http404("This run has no such value.") from None


@reader
@require_GET
def value(request: Request, pk: int) -> HttpResponse:
    """The whole of a value, secrets masked: a region of the page for htmx, else text; with ?download a file."""
    run, params = find_run(request, pk), request.GET
    place = ValuePlace(run.pk, params.get("of", ""), params.get("action", ""), params.get("name", ""))
    found = whole_value(run, place)
    text = pretty(found)
    if request.htmx and not request.htmx.history_restore_request:
        shown = ValueView(code=text[:MOST_SHOWN], length=len(text) if len(text) > MOST_SHOWN else None, place=place)
        return regions(request, Region("runs/_whole_value.html", place.key, {"value": shown}))
    headers = {"Cache-Control": "no-store"}
    if "download" in params:
        record(origin_of(request), "exported", run_subject(run), f"{of_flow(run.flow)}: a value")
        kind = "txt" if isinstance(found, str) else "json"
        name = re.sub(r"[^A-Za-z0-9_]+", "-", f"run-{pk}-{place.action}-{place.of}-{place.name}")[:120].strip("-")
        headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
