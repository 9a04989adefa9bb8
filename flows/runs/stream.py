"""A run as it goes, as server-sent events.

Subscribes first, then sends what the database holds beyond what the page shows, then follows. Text comes from
the engine as it is streamed, at most twenty pieces a second, the first at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from flows.access import find_run
from flows.engine.live import hub
from flows.flowchart.chart import run_flowchart
from flows.flowchart.states import run_view
from flows.language.document import DocumentError
from flows.models import Run
from flows.runs.contexts import Outline, Value, detail_of, duration_of, element_id, selected_record
from flows.runs.deaths import deaths_of
from flows.runs.steps import log_window
from foundryflow.access import reader
from foundryflow.database import in_thread, read_patiently
from foundryflow.http import Request, event_stream, whole_number
from foundryflow.regions import Region, event, partial, text

PACE = 0.05  # seconds between two pieces
SILENCE = 15.0  # seconds until a comment keeps the way open


@dataclass
class Seen:
    """What this browser shows."""

    event: int
    action: str  # the action whose detail is open; empty follows the run
    tab: str
    path: str = ""
    given: Mapping[str, str] = field(default_factory=dict)  # which steps it shows
    texts: dict[str, int] = field(default_factory=dict)  # characters sent, by path


@reader
@require_GET
async def stream(request: Request, pk: int) -> StreamingHttpResponse:
    run = await in_thread(find_run)(request, pk)
    after = whole_number(request.headers.get("Last-Event-ID")) or whole_number(request.GET.get("after")) or 0
    seen = Seen(
        event=after,
        action=request.GET.get("action", ""),
        tab=request.GET.get("tab", ""),
        path=request.GET.get("path", ""),
        given=request.GET,
    )
    seen.texts[seen.path] = whole_number(request.GET.get("length")) or 0
    return event_stream(follow(run.pk, seen))


async def follow(run_id: int, seen: Seen) -> AsyncGenerator[bytes]:
    with hub.subscribe(run_id) as subscription:
        while True:
            pieces, ended = await read_patiently(news, run_id, seen) if subscription.take_recorded() else ([], False)
            added = [*pieces, *new_text(run_id, seen)]
            if added:
                yield event("".join(added), id=seen.event)
            if ended or hub.closing:
                return
            await asyncio.sleep(PACE)
            while not await subscription.wait_for_change(SILENCE):
                yield b": still here\n\n"
                subscription.notify()  # another process may have recorded something unheard


def new_text(run_id: int, seen: Seen) -> Iterator[str]:
    """The text of the open action that has come since."""
    so_far = hub.texts_of(run_id).get(seen.path, "")
    sent = seen.texts.get(seen.path, 0)
    if len(so_far) > sent:
        seen.texts[seen.path] = len(so_far)
        yield text(f"text-{element_id(seen.path)}", so_far[sent:])


def news(run_id: int, seen: Seen) -> tuple[list[str], bool]:
    """The regions that changed since what this browser shows, and whether the run has ended."""
    run = Run.objects.select_related("flow", "revision", "started_by").get(pk=run_id)
    if run.last_event <= seen.event:
        return [], run.ended
    regions = [partial(region) for region in changed(run, seen.event, seen)]
    seen.event = run.last_event
    return regions, run.ended


def changed(run: Run, since: int, seen: Seen) -> Iterator[Region]:
    record = selected_record(run, seen.action)
    common: dict[str, Any] = {
        "run": run,
        "flow": run.flow,
        "state": run_view(run),
        "deaths": deaths_of(run),
        "milliseconds": duration_of(run),
    }
    yield Region("runs/_status.html", "run-status", {**common, "static_live": not run.ended})
    if record is not None and (record.path != seen.path or record.event > since):
        seen.path = record.path
        seen.texts[record.path] = len(hub.texts_of(run.pk).get(record.path, ""))
        yield Region(
            "runs/_detail.html",
            "run-detail",
            {**common, "detail": detail_of(run, record), "action": seen.action},
        )
    if seen.tab in ("", "steps"):
        yield Region(
            "runs/_outline.html",
            "run-outline",
            {**common, "outline": Outline(run, record, seen.action, seen.given), "tab": "steps"},
        )
    elif seen.tab == "flowchart":
        try:
            yield Region("designer/_flowchart.html", "flowchart", {**common, **run_flowchart(run)})
        except DocumentError:
            return
    elif seen.tab == "log":
        yield Region("runs/_log.html", "run-log", {**common, "log": log_window(run, seen.given)})
    elif run.ended:
        inputs = [(name, Value.of(value)) for name, value in run.inputs.items()]
        yield Region("runs/_values.html", "run-values", {**common, "inputs": inputs, "output": Value.of(run.output)})
