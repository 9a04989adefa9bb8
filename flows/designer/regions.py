"""The regions of the designer. Each is built here, for the page, for a swap and for the answer to an edit alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from django.utils import timezone

from flows.actions import registry
from flows.actions.base import Group
from flows.designer.chart_changes import chart_regions, whole_chart
from flows.designer.foreign_changes import MergeNotice
from flows.designer.in_place.regions import THIS_RUN, bottom_panel, feed_region, panel_view, this_run_region
from flows.designer.in_place.run_bar import run_bar_region
from flows.designer.open_flow import OpenFlow
from flows.designer.panel import Panel, stored_panel
from flows.designer.start_form import StartForm
from flows.flowchart.chart import GROUPS, START, Card, Flowchart, TypeView, type_view
from flows.language.clipboard import PASTED_FORMATS
from flows.language.document import DocumentError
from flows.language.nodes import Action
from flows.runs.workers_notice import workers_notice
from foundryflow.regions import Region


@dataclass(frozen=True)
class ChartWords:
    """What is said of the chart after an edit, and the actions that are chosen then."""

    said: str = ""
    chosen: Sequence[str] = ()
    is_bad: bool = False
    stays: bool = False  # until it is closed, or something else is said


def page_context(opened: OpenFlow, selected: str, panel: Region | None = None) -> dict[str, Any]:
    """Everything the page is made of. `panel` is shown instead of what is stored of the selected action."""
    panel = panel or panel_region(opened, selected)
    bottom = bottom_panel(opened)
    parts = [name_region(opened), saved_region(opened), chart_region(opened, selected), *problems_regions(opened)]
    parts += [run_bar_region(opened), *bottom.regions, feed_region(opened, selected), panel]
    shared = {name: value for part in parts for name, value in part.context.items()}
    return {
        **shared,
        "panel_template": panel.template,
        "toolbox": toolbox(),
        "paste_formats": " ".join(PASTED_FORMATS),
        "containers": [type_view(type) for type in registry.container_types()],
        "can_edit": opened.can_edit,
        "workers": workers_notice() if opened.is_live else None,
    }


@cache
def toolbox() -> list[tuple[str, list[TypeView]]]:
    """Action types by group, in the order of the design."""
    by_group: dict[Group, list[TypeView]] = defaultdict(list)
    for known in registry.all_types():
        by_group[known.group].append(type_view(known.type))
    return [(title, by_group[group]) for group, title in GROUPS.items() if by_group[group]]


def name_region(opened: OpenFlow) -> Region:
    return Region("designer/_name.html", "flow-name", {"flow": opened.flow})


SILENT = ChartWords()


def said_region(words: ChartWords) -> Region:
    """What an edit did, or why it was not possible."""
    return Region("designer/_said.html", "chart-said", {"words": words})


def saved_region(opened: OpenFlow, state: str = "", base: int | None = None) -> Region:
    """When the flow was saved, or in `state` why not.

    `base` is the revision that the page goes on editing: the current one, unless a conflict is to be decided first.
    """
    flow, history = opened.flow, opened.history
    person = opened.request.user.pk
    is_save = opened.request.method == "POST"
    context = {
        "flow": flow,
        "revision": flow.current,
        "state": state,
        "saved_at": timezone.now() if is_save else flow.changed_at,
        "base": base or flow.current.number,
        "can_undo": opened.can_edit and history.to_undo(person) is not None,
        "can_redo": opened.can_edit and history.to_redo(person) is not None,
    }
    return Region("designer/_saved.html", "saved", context)


def chart_of(opened: OpenFlow, selected: str) -> Flowchart:
    mistakes = opened.problems.mistakes
    runs, pins = opened.card_runs, opened.pins
    chart = Flowchart(opened.document, selected=selected, problems=mistakes, runs=runs, pins=pins, root=opened.root)
    chart.readonly = opened.is_live or not opened.can_edit
    if opened.shown_run is not None:
        chart.keep, chart.keep_run = opened.shown_run.keep, opened.shown_run.keep_run
    return chart


def chart_region(opened: OpenFlow, selected: str) -> Region:
    return whole_chart({"flow": opened.flow, "chart": chart_of(opened, selected)})


def changed_chart_regions(opened: OpenFlow, selected: str) -> list[Region]:
    """What differs between the chart that the page shows and the current one."""
    shown, chart = opened.shown_revision, chart_of(opened, selected)
    shared = {"flow": opened.flow, "chart": chart}
    if shown is None or opened.root:
        return [whole_chart(shared)]
    if shown.pk == opened.flow.current.pk:
        return []
    try:
        mistakes = opened.problems_in(shown, opened.new_action_shown).mistakes
        before = Flowchart(shown.parsed(), problems=mistakes, runs=opened.card_runs, pins=opened.pins_before)
    except DocumentError:
        return [whole_chart(shared)]
    return chart_regions(before, chart, shared)


def notice_region(notice: MergeNotice) -> Region:
    """The row on top of the chart about what others have changed."""
    return Region("designer/_merge_notice.html", "merge-notice", {"notice": notice})


def card_region_of(opened: OpenFlow, chart: Flowchart, card: Card) -> Region:
    return Region("designer/_card.html", f"card-{card.id}", {"card": card, "flow": opened.flow, "chart": chart})


def left_regions(opened: OpenFlow) -> list[Region]:
    """Of a new action whose panel was closed: what was left out in it, which is a mistake now."""
    action_id = opened.new_action_shown
    if action_id in ("", opened.new_action) or not opened.problems.of_action(action_id):
        return []
    chart = chart_of(opened, "")
    card = chart.card(action_id)
    found = [card_region_of(opened, chart, card)] if card is not None and card.lanes is None else []
    return [*found, *problems_regions(opened)]


def problems_regions(opened: OpenFlow) -> list[Region]:
    """What is wrong with the flow, and how much of it."""
    context = {"flow": opened.flow, "problems": opened.problems}
    counted = Region("designer/_problem_count.html", "problem-count", context)
    return [Region("designer/_problems.html", "problems", context), counted]


def panel_region(opened: OpenFlow, selected: str) -> Region:
    """The panel of what is selected: of Start, of an action, or an empty one."""
    if selected == START:
        return start_region(opened, StartForm(opened.document))
    if panel_view(opened) == THIS_RUN:
        return this_run_region(opened, selected)
    action = opened.document.find(selected) if selected else None
    return action_region(stored_panel(opened, action) if action else None)


def action_region(panel: Panel | None, swap: str = "outerHTML") -> Region:
    return Region("designer/_panel.html", "panel", {"panel": panel}, swap=swap)


def start_region(opened: OpenFlow, form: StartForm) -> Region:
    context = {"flow": opened.flow, "start": form, "can_edit": opened.can_edit and not opened.is_live}
    return Region("designer/_start_panel.html", "panel", context)


def message_regions(panel: Panel) -> list[Region]:
    """Under each field: what is wrong with what was typed, else what lint says of it; and above, whether it is used."""
    messages = [Region("designer/_message.html", f"message-{n}", message(panel, n)) for n in panel.message_names]
    return [*messages, *(label_region(panel, field) for field in panel.overridable)]


def label_region(panel: Panel, field: Any) -> Region:
    context = {"field": field, "panel": panel, "chosen": field.value()}
    return Region(field.field.label_partial, field.field.label_id.format(field.name), context)


def message(panel: Panel, name: str) -> dict[str, Any]:
    error = panel.errors.get(name, "")
    problem = "" if error else panel.problems.get(name, "")
    return {"name": name, "error": error, "problem": problem, "is_alone": True}


def stored_field_regions(opened: OpenFlow, action: Action, names: Iterable[str]) -> list[Region]:
    """Fields of a panel as they are stored now, in place of what was typed there."""
    names = list(names)
    if not names:
        return []
    panel = stored_panel(opened, action)
    return [field_region(panel, field) for field in [*panel.fields, *panel.advanced] if field.name in names]


def variable_regions(opened: OpenFlow, action: Action) -> list[Region]:
    """What of the panel of an action names the variables in scope; what is typed there stays."""
    panel = stored_panel(opened, action)
    if panel_view(opened) == THIS_RUN or panel.values.branches:
        return [panel_region(opened, action.id)]
    fields = [field for field in [*panel.fields, *panel.advanced] if field.field.names_variables]
    return [replace(field_region(panel, field), swap="outerMorph") for field in fields]


def field_region(panel: Panel, field: Any) -> Region:
    context = {"field": field, "panel": panel}
    if field.field.rows_partial:
        return Region(field.field.rows_partial, field.field.rows_id, context)
    return Region("designer/_property.html", f"field-{field.name}", context, swap="outerHTML")
