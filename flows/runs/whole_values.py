"""Large values whole, or a part of them: shown in the page when somebody asks for it, or downloaded."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET

from flows.access import find_run
from flows.engine.records import LONGEST_PATH
from flows.models import ActionRun, LogEntry, Run
from flows.models.audit import of_flow, run_subject
from flows.runs.sent_request import sent_request
from flows.runs.value_place import ValuePlace, find_inside
from flows.runs.value_table import csv_lines, table_of
from flows.runs.value_tree import TreeNode, is_table, tree_of
from flows.runs.values import ValueView, text_view, variable_of
from foundryflow.access import reader
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, regions
from foundryflow.templatetags.ui import pretty

MOST_SHOWN = 5_000_000  # characters; what is longer is for a download
MARK = "\ufeff"  # tells spreadsheets that a file is UTF-8


@dataclass(frozen=True)
class FoundValue:
    value: Any
    path: str  # what a flow calls it


def prompt_of(record: ActionRun, name: str) -> Any:
    return record.facts["prompt"][whole_number(name, 6) or 0]["content"]


def response_of(record: ActionRun, _: str) -> Any:
    return record.output["text"] if isinstance(record.output, Mapping) and "text" in record.output else record.text


def body_of(record: ActionRun, _: str) -> Any:
    sent = sent_request(record)
    if sent is None:
        raise KeyError("body")
    return sent.body


OF_ACTIONS: dict[str, Callable[[ActionRun, str], Any]] = {
    "input": lambda record, name: record.inputs[name],
    "inputs": lambda record, _: record.inputs,
    "output": lambda record, _: record.output,
    "part": lambda record, name: (record.output or {})[name],
    "variable": lambda record, name: record.variables[name],
    "variables": lambda record, _: record.variables,
    "prompt": prompt_of,
    "prompts": lambda record, _: record.facts["prompt"],
    "request": body_of,
    "response": response_of,
    "raw": lambda record, _: record.facts["raw"],
    "refusal": lambda record, _: (record.error or {})["raw"],
}
OF_RUNS: dict[str, Callable[[Run, str], Any]] = {
    "input": lambda run, name: run.inputs[name],
    "inputs": lambda run, _: run.inputs,
    "output": lambda run, _: run.output,
    "line": lambda run, name: run.log.get(event=whole_number(name, 9) or 0).message,
}
ABSENT = (KeyError, IndexError, TypeError, ValueError, ActionRun.DoesNotExist, LogEntry.DoesNotExist)


def find_value(run: Run, place: ValuePlace) -> FoundValue:
    """What stands there. Raises Http404."""
    root = place.root
    try:
        if place.action:
            action = run.actions.get(path=place.action[:LONGEST_PATH])
            root = variable_of(action.inputs) or root if place.of == "output" else root
            whole = OF_ACTIONS[place.of](action, place.name)
        else:
            whole = OF_RUNS[place.of](run, place.name)
        return FoundValue(*find_inside(whole, place.at, root))
    except ABSENT:
        raise Http404("This run has no such value.") from None


@reader
@require_GET
def value(request: Request, pk: int) -> HttpResponse:
    """The whole of a value, secrets masked: text, or with ?download a file.

    For htmx it is a region of the page: all of it, or with ?part the children of a node of a tree, or rows of a table.
    """
    run, params = find_run(request, pk), request.GET
    names = ("of", "action", "name", "at")
    place = ValuePlace(run.pk, *(params.get(name, "") for name in names))
    found = find_value(run, place)
    if request.htmx and not request.htmx.history_restore_request:
        return regions(request, region_of(found, place, params))
    if params.get("download") == "csv":
        return csv_file(request, run, place, found.value)
    headers, text = {"Cache-Control": "no-store"}, pretty(found.value)
    if "download" in params:
        record(origin_of(request), "exported", run_subject(run), f"{of_flow(run.flow)}: a value")
        headers["Content-Disposition"] = attachment(place, "txt" if isinstance(found.value, str) else "json")
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def region_of(found: FoundValue, place: ValuePlace, params: Mapping[str, str]) -> Region:
    first, until = whole_number(params.get("from"), 9) or 0, whole_number(params.get("until"), 9)
    if params.get("part") == "tree":
        node = TreeNode("", found.value, place, found.path, first, until)
        if node.count < 0 or (until is not None and until > len(found.value)):
            raise Http404("This value has no such part.")
        text = text_view(found.value, place) if isinstance(found.value, str) else None
        return Region("runs/_tree_inside.html", node.key, {"node": tree_of(node), "text": text})
    if params.get("part") == "table" and is_table(found.value):
        table = table_of(found.value, place, min(first, len(found.value)))
        return Region("runs/_value_table.html", table.key, {"table": table})
    whole = pretty(found.value)
    shown = ValueView(code=whole[:MOST_SHOWN], length=len(whole) if len(whole) > MOST_SHOWN else None, place=place)
    return Region("runs/_whole_value.html", place.key, {"value": shown})


def csv_file(request: Request, run: Run, place: ValuePlace, rows: Any) -> HttpResponse:
    if not is_table(rows):
        raise Http404("Only a list of objects is a table.")
    record(origin_of(request), "exported", run_subject(run), f"{of_flow(run.flow)}: a table as CSV")
    headers = {"Cache-Control": "no-store", "Content-Disposition": attachment(place, "csv")}
    response = HttpResponse(MARK, content_type="text/csv; charset=utf-8", headers=headers)
    csv.writer(response).writerows(csv_lines(rows))
    return response


def attachment(place: ValuePlace, kind: str) -> str:
    words = f"run-{place.run}-{place.action}-{place.of}-{place.name}-{place.at}"
    name = re.sub(r"[^A-Za-z0-9_]+", "-", words)[:120].strip("-")
    return f'attachment; filename="{name}.{kind}"'
