"""The head of the page of a run: how it stands, what it cost, where it came from and what it led to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.dateformat import format as date_format

from flows.flowchart.states import StateView, run_view
from flows.models import Run, State
from flows.runs.costs import cost_words
from flows.runs.crashes import crash_notice
from flows.runs.extent import extent_of
from flows.runs.loops import LoopCounts
from flows.runs.time_axis import elapsed_words, milliseconds_since_epoch
from foundryflow.names import name_of
from foundryflow.regions import Region
from foundryflow.roles import Permissions
from foundryflow.templatetags.ui import duration_ms

MOST_RESULTS = 3  # runs made from one that its head names
CALLERS = ("api", "command line", "flow")  # ways to start a run that get what is published


def status_region(run: Run, may: Permissions, loops: Sequence[LoopCounts]) -> Region:
    now = timezone.now()
    is_going = run.started_at is not None and not run.ended
    was_draft = run.published is False and run.via in CALLERS
    context = {
        "run": run,
        "may": may,
        "flow": run.flow,
        "state": state_of(run, loops),
        "crashes": crash_notice(run),
        "is_draft_of_nothing_published": was_draft and not run.flow.published_id,
        "duration": elapsed_words(run.milliseconds or 0) if is_going else duration_ms(run.milliseconds),
        "since": milliseconds_since_epoch(run.started_at) if is_going else None,
        "now": None if run.ended else milliseconds_since_epoch(now),
        "started": moment_words(run.created_at, now),
        "extent": extent_of(run),
        "way": way_of(run),
        "sources": sources_of(run),
        "results": results_of(run),
        "cost": cost_words(run) if run.ended else "",
    }
    return Region("runs/_status.html", "run-status", context)


def state_of(run: Run, loops: Sequence[LoopCounts]) -> StateView:
    """A run that succeeded although iterations failed says how many."""
    first = loops[0] if loops else None
    if first and first.is_long and first.failed and run.state == State.SUCCEEDED:
        return first.verdict
    return run_view(run)


def moment_words(moment: datetime, now: datetime) -> str:
    """ "Today 14:03:20", "27 Nov 14:03:20"."""
    here = timezone.localtime(moment)
    day = "Today" if here.date() == timezone.localtime(now).date() else date_format(here, "j M")
    return f"{day} {date_format(here, 'H:i:s')}"


def way_of(run: Run) -> str:
    """Who has started it, and how: "Ada, page"."""
    who = name_of(run.started_by)
    return f"{who}, {run.via}" if who else run.via


def sources_of(run: Run) -> list[tuple[str, int]]:
    """The run that started it and the one whose results it took over, each behind the words that lead to it."""
    found = ((" of", run.parent_id), (", from", run.origin_id))
    return [(words, pk) for words, pk in found if pk]


def results_of(run: Run) -> list[int]:
    """Runs that were made from it, the newest first, one more than are named."""
    made = Run.objects.filter(origin=run).order_by("-pk").values_list("pk", flat=True)
    return list(made[: MOST_RESULTS + 1])
