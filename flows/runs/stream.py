"""A run as it goes, as server-sent events.

Subscribes first, then sends what the database holds beyond what the page shows, then follows. Text comes from
the engine as it is streamed, at most twenty pieces a second, the first at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from flows.access import find_run
from flows.engine.live import hub
from flows.models import Run
from flows.runs.action_detail import streamed_text, text_id
from flows.runs.page import LARGE, RunPage
from foundryflow.access import reader
from foundryflow.database.threads import in_thread, read_patiently
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, event, partial, text
from foundryflow.roles import Permissions
from foundryflow.session_watch import session_end
from foundryflow.streams import event_stream

PACE = 0.05  # seconds between two pieces
REST = 0.25  # seconds between two that show what was recorded, which is more to send than text
SILENCE = 15.0  # seconds until a comment keeps the way open
NOTHING = -1  # as the event of a browser that shows none


class RunViewer(Protocol):
    """What one browser shows of a run: on the page of the run, or in the designer."""

    event: int  # the newest record of the run that it shows

    def read_changes(self, run_id: int) -> tuple[list[str], bool]:
        """The regions that differ from what it shows, which it does then, and whether the run has ended."""

    def new_text(self, run_id: int) -> Iterator[str]:
        """The streamed text that has come since."""


@dataclass
class BrowserState:
    """What one browser shows of the page of a run."""

    params: Mapping[str, str]  # of its page: what it shows
    may: Permissions  # of whoever looks
    event: int = 0  # the newest record of the run that it shows
    path: str = ""  # of the action whose detail is open
    lengths: dict[str, int] = field(default_factory=dict)  # characters of streamed text, by path

    @classmethod
    def of(cls, request: Request, may: Permissions) -> BrowserState:
        """As the page says in the address of its stream. One that comes back gets everything anew: how far it had
        got with a text is not known."""
        params = request.GET
        if request.headers.get("Last-Event-ID"):
            return cls(params, may, NOTHING)
        path, length = params.get("path", ""), whole_number(params.get("length")) or 0
        return cls(params, may, whole_number(params.get("after")) or 0, path, {path: length})

    def read_changes(self, run_id: int) -> tuple[list[str], bool]:
        return read_changes(run_id, self)

    def new_text(self, run_id: int) -> Iterator[str]:
        return new_text(run_id, self)


ENDED = event("", name="ended")  # the browser does not come back


@reader
@require_GET
async def stream(request: Request, pk: int) -> StreamingHttpResponse:
    run = await in_thread(find_run)(request, pk)
    browser = BrowserState.of(request, Permissions(await request.auser()))
    return event_stream(follow_run(run.pk, browser), lambda: session_end(request))


async def follow_run(run_id: int, browser: RunViewer) -> AsyncGenerator[bytes]:
    """Server-sent events until the run has ended."""
    with hub.subscribe(run_id) as subscription:
        rests_until = 0.0
        while True:
            pieces, ended = list[str](), False
            rests = time.monotonic() < rests_until
            if not rests and subscription.take_news():
                pieces, ended = await read_patiently(browser.read_changes, run_id)
                rests_until = time.monotonic() + REST
            if pieces:
                yield event("".join(pieces), id=browser.event)
            # By itself: what is appended must find the element as the event before has made it.
            for addition in browser.new_text(run_id):
                yield event(addition, id=browser.event)
            if ended:
                yield ENDED
            if ended or hub.closing:
                return
            await asyncio.sleep(PACE)
            while not rests and not await subscription.wait_for_change(SILENCE):
                yield b": still here\n\n"
                subscription.notify()  # another process may have recorded something unheard


def new_text(run_id: int, browser: BrowserState) -> Iterator[str]:
    """The text of the open action that has come since."""
    if browser.params.get("part", "response") != "response":
        return  # there is no element that it would come into
    so_far, sent = streamed_text(run_id, browser.path), browser.lengths.get(browser.path, 0)
    if len(so_far) > sent:
        browser.lengths[browser.path] = len(so_far)
        yield text(text_id(browser.path), so_far[sent:])


def find_streamed_run(run_id: int) -> Run:
    """Without what is large of it."""
    return Run.objects.select_related("flow", "revision", "started_by").defer(*LARGE).get(pk=run_id)


def read_changes(run_id: int, browser: BrowserState) -> tuple[list[str], bool]:
    """The regions that differ from what this browser shows, which it does then, and whether the run has ended."""
    run = find_streamed_run(run_id)
    if run.last_event <= browser.event:
        return [], run.ended
    regions: list[str] = [
        partial(region) for region in changed_regions(RunPage(run, browser.params, browser.may), browser)
    ]
    browser.event = run.last_event
    return regions, run.ended


def changed_regions(page: RunPage, browser: BrowserState) -> Iterator[Region]:
    yield page.status_region
    yield page.tabs_region
    record = page.record
    if page.iterations:
        browser.params = {**browser.params, **page.iterations.window.query}
    if page.iterations or (record is not None and (record.path != browser.path or record.event > browser.event)):
        browser.path = record.path if record else ""
        browser.lengths[browser.path] = page.detail.length if page.detail else 0
        yield page.detail_region
    # Inputs do not change, and there is no output before the end.
    if page.tab != "values" or page.run.ended:
        yield page.tab_region
