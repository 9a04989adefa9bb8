"""What the designer shows of a run. Each region is built here, for the page, for a swap and for the stream alike."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from flows.actions.registry import container_types
from flows.designer.in_place.bottom import BottomPanel, BottomState
from flows.designer.in_place.planned_run import PlannedRun
from flows.designer.open_flow import OpenFlow
from flows.flowchart.chart import type_view
from flows.interpreter.runner import title_of
from flows.models import ActionRun, State
from flows.runs.action_detail import ActionDetail, selected_record
from foundryflow.regions import Region
from foundryflow.roles import Permissions

PROPERTIES, THIS_RUN = "properties", "run"


def panel_view(opened: OpenFlow) -> str:
    """Which tab of the panel is shown: that of the address, else the run while it goes."""
    asked = opened.request.GET.get("view", "")
    if asked in (PROPERTIES, THIS_RUN) and opened.shown_run is not None:
        return asked
    return THIS_RUN if opened.is_live else PROPERTIES


def this_run_region(opened: OpenFlow, selected: str) -> Region:
    """What the run did with the selected action; with none selected, with the one that matters most."""
    shown, action = opened.shown_run, opened.document.find(selected) if selected else None
    record: ActionRun | None = None
    if shown is not None:
        record = shown.record_of(action.id) if action else selected_record(shown.run, "")
    action = action or (opened.document.find(record.action_id) if record else None)
    context: dict[str, Any] = {
        "opened": opened,
        "flow": opened.flow,
        "shown": shown,
        "run": shown.run if shown else None,
        "may": Permissions(opened.request.user),
        "detail": ActionDetail(shown.run, record) if shown and record else None,
        "action_id": action.id if action else "",
        "title": title_of(action) if action else record.title if record else "",
        "view": type_view(action.type) if action else type_view(record.type) if record else None,
        "pin": opened.pins.get(action.id) if action else None,
        "can_run": not opened.is_live and action is not None,
        "can_pin": opened.can_edit and not opened.is_live and action is not None and is_pinnable(record),
    }
    return Region("designer/_this_run.html", "panel", context, swap="outerMorph")


def is_pinnable(record: ActionRun | None) -> bool:
    return record is not None and record.state == State.SUCCEEDED and record.type not in container_types()


def inputs_region(plan: PlannedRun, said: str = "") -> Region:
    """The inputs of the flow beside the chart; what was chosen there stays where something is wrong with it."""
    context = {"plan": plan, "flow": plan.opened.flow, "can_edit": plan.opened.can_edit, "said": said}
    swap = "outerMorph" if plan.form.is_bound else "outerHTML"
    return Region("designer/_run_panel.html", "panel", context, swap=swap)


def bottom_panel(opened: OpenFlow) -> BottomPanel:
    return BottomPanel(opened, BottomState.of(opened.request), opened.request.GET.get("step", ""))


def feed_region(opened: OpenFlow, selected: str, view: str = "", tab: str = "") -> Region:
    """What connects the page to its run; nothing once that has ended. `view` and `tab` are what the page shows."""
    shown = opened.shown_run
    url = ""
    if shown is not None and shown.is_live:
        query = {
            "after": shown.run.last_event,
            "base": opened.flow.current.number,
            "action": selected,
            "view": view or panel_view(opened),
            "tab": tab or BottomState.of(opened.request).tab,
            "step": opened.request.GET.get("step", ""),
            "at": list(shown.states.chosen),
        }
        address = reverse("designer:run_stream", args=[opened.flow.slug, shown.run.pk])
        url = f"{address}?{urlencode(query, doseq=True)}"
    return Region("designer/_run_feed.html", "run-feed", {"feed_url": url}, swap="outerHTML")
