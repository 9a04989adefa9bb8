"""The part of the bar that is about the run beside the flow: how it stands, Run and Stop."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from flows.designer.open_flow import OpenFlow
from flows.flowchart.states import run_view
from flows.models.designer import MOST_SAVED
from flows.runs.extent import extent_of
from flows.runs.time_axis import elapsed_words, milliseconds_since_epoch
from foundryflow.regions import Region
from foundryflow.templatetags.ui import duration_ms


def run_bar_region(opened: OpenFlow) -> Region:
    shown = opened.shown_run
    context: dict[str, Any] = {
        "flow": opened.flow,
        "shown": shown,
        "has_inputs": bool(opened.document.inputs),
        "saved_inputs": opened.flow.saved_inputs.only("pk", "name")[:MOST_SAVED],
        "lost_pins": opened.lost_pins,
        "now": milliseconds_since_epoch(timezone.now()),
    }
    if shown is not None:
        run = shown.run
        is_going = shown.is_live and run.started_at is not None
        context |= {
            "run_state": run_view(run),
            "duration": elapsed_words(run.milliseconds or 0) if is_going else duration_ms(run.milliseconds),
            "since": milliseconds_since_epoch(run.started_at) if is_going else None,
            "extent": extent_of(run),
        }
    return Region("designer/_run_bar.html", "run-bar", context)
