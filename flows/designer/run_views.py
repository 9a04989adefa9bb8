"""Run where you build: starts and stops runs beside the chart, and shows one of them there."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from flows import engine
from flows.access import find_run
from flows.designer.in_place.bottom import COOKIE, BottomState
from flows.designer.in_place.planned_run import NotPossible, PlannedRun
from flows.designer.in_place.regions import (
    THIS_RUN,
    bottom_panel,
    feed_region,
    inputs_region,
    panel_view,
    this_run_region,
)
from flows.designer.in_place.run_bar import run_bar_region
from flows.designer.open_flow import OpenFlow
from flows.designer.pins import NotPinned, make_pin
from flows.designer.regions import (
    card_region_of,
    chart_of,
    chart_region,
    name_region,
    panel_region,
    problems_regions,
    saved_region,
)
from flows.designer.responses import impossible_response, still_selected, url_of
from flows.designer.shown_run import NONE
from flows.models import Run, SavedInputs
from flows.models.audit import flow_subject, of_flow, run_subject
from flows.models.designer import LONGEST_NAME, MOST_SAVED, is_storable, without_masks
from flows.runs.workers_notice import workers_notice
from foundryflow.access import editor, reader, runner
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request, form_data, whole_number
from foundryflow.names import name_of
from foundryflow.regions import Region, regions

YEAR = 365 * 24 * 3_600  # seconds
TOO_LARGE = "These inputs are too large to be saved."


@runner
@require_POST
def start(request: Request, slug: str) -> HttpResponse:
    """Starts a run of the flow as it is now. What has to be typed before is asked for in the panel."""
    opened = OpenFlow.find(request, slug)
    try:
        plan = PlannedRun.of(opened, form_data(request))
        if plan.asks:
            return regions(request, inputs_region(plan))
        if plan.is_refused or (plan.form.is_bound and not plan.form.is_valid()):
            return regions(request, inputs_region(plan), status=422)
        run = plan.start()
    except NotPossible as error:
        return impossible_response(opened, str(error))
    if not request.htmx:
        return redirect(url_of(opened.flow, still_selected(opened)))
    opened.show(run)
    return begun_run_response(opened, plan)


def begun_run_response(opened: OpenFlow, plan: PlannedRun) -> HttpResponse:
    """The chart with the run on it, and what it gives below."""
    selected = plan.until.id if plan.until else still_selected(opened)
    bottom = BottomState.of(opened.request)
    tab = "output" if bottom.tab == "problems" else bottom.tab
    opened.request.COOKIES[COOKIE] = f"{tab}.open"
    parts = [*all_regions(opened, selected), this_run_region(opened, selected), feed_region(opened, selected, THIS_RUN)]
    parts.append(Region("runs/_workers.html", "workers", {"workers": workers_notice()}))
    response = regions(opened.request, *parts)
    response.set_cookie(COOKIE, f"{tab}.open", max_age=YEAR, samesite="Lax", path=reverse("flows:home"))
    response.headers["HX-Push-Url"] = url_of(opened.flow, selected)
    return response


def all_regions(opened: OpenFlow, selected: str) -> list[Region]:
    """Everything that a run is shown by, but for the panel and the stream; with the revision that it stands beside."""
    chart = [chart_region(opened, selected), *problems_regions(opened), saved_region(opened), name_region(opened)]
    return [*chart, run_bar_region(opened), *bottom_panel(opened).regions]


@runner
@require_POST
def stop(request: Request, slug: str, pk: int) -> HttpResponse:
    """Stops the run; asked a second time, ends it at once."""
    opened, run = OpenFlow.find(request, slug), find_run(request, pk)
    with transaction.atomic():
        stopped = engine.cancel(run, by=name_of(request.user))
        if stopped:
            record(origin_of(request), "stopped", run_subject(run), of_flow(run.flow))
    if not request.htmx:
        return redirect(url_of(opened.flow))
    if run.flow_id == opened.flow.pk:
        opened.show(Run.objects.select_related("revision", "started_by").get(pk=pk))
    return regions(request, run_bar_region(opened))


@reader
@require_GET
def show_run(request: Request, slug: str) -> HttpResponse:
    """Another run (`run`) or other iterations (`at`) beside the flow, with everything that is shown of them."""
    opened, selected = OpenFlow.find(request, slug), request.GET.get("action", "")
    if not request.htmx:
        return redirect(f"{url_of(opened.flow)}?{request.GET.urlencode()}")
    panel = panel_region(opened, selected)
    response = regions(request, *all_regions(opened, selected), panel, feed_region(opened, selected))
    asked = request.GET.get("run", "")
    shown = opened.shown_run
    address = url_of(opened.flow, selected) + ("" if selected else "?")
    keep = "&run=none" if asked == NONE else shown.keep if shown else ""
    response.headers["HX-Push-Url"] = (address + keep).replace("?&", "?").rstrip("?")
    return response


@reader
@require_GET
def show_tab(request: Request, slug: str) -> HttpResponse:
    """A tab of the panel below, or the output of another action in it."""
    opened, selected = OpenFlow.find(request, slug), request.GET.get("action", "")
    bottom = bottom_panel(opened)
    feed = [feed_region(opened, selected, panel_view(opened), bottom.tab)] if opened.is_live else []
    return regions(request, *bottom.regions, *feed)


@editor
@require_POST
def save_inputs_as(request: Request, slug: str) -> HttpResponse:
    """Keeps what is typed as inputs with a name, without what is secret; of a name that is there, in place of those."""
    opened, data = OpenFlow.find(request, slug), form_data(request)
    try:
        plan = PlannedRun.of(opened, data)
    except NotPossible as error:
        return impossible_response(opened, str(error))
    name = " ".join(data.get("inputs_name", "").split())
    said = why_not_saved(plan, name)
    if said:
        return regions(request, inputs_region(plan, said), status=422)
    inputs = without_masks(shown_inputs_of(plan))
    with transaction.atomic():
        SavedInputs.objects.update_or_create(
            {"inputs": inputs, "created_by": request.user}, flow=opened.flow, name=name
        )
        record(origin_of(request), "saved", flow_subject(opened.flow), f": test inputs {name}")
    without = " Files are not kept with them." if plan.form.is_multipart() else ""
    return regions(request, inputs_region(plan, f"Saved as {name}.{without}"), run_bar_region(opened))


@editor
@require_POST
def pin(request: Request, slug: str, action_id: str) -> HttpResponse:
    """Pins the output of the action in the run that is shown, in place of another one that is pinned."""
    opened = OpenFlow.find(request, slug)
    action, shown = opened.document.find(action_id), opened.shown_run
    if action is None:
        return impossible_response(opened, "This action was removed meanwhile, so that its output cannot be pinned.")
    if shown is None:
        return impossible_response(opened, "There is no run whose output could be pinned. Run the flow first.")
    try:
        made = make_pin(shown.run, action, opened.flow)
    except NotPinned as error:
        return impossible_response(opened, str(error))
    made.created_by = request.user
    with transaction.atomic():
        opened.flow.pins.filter(action_id=action_id).delete()
        made.save()
        record(origin_of(request), "pinned an output in", flow_subject(opened.flow), f": {made}")
    return pins_response(opened, action_id)


@editor
@require_POST
def unpin(request: Request, slug: str, action_id: str) -> HttpResponse:
    """Has runs from the designer execute the action again."""
    opened = OpenFlow.find(request, slug)
    with transaction.atomic():
        found = opened.flow.pins.filter(action_id=action_id).only("title").first()
        if found is not None:
            found.delete()
            record(origin_of(request), "unpinned an output in", flow_subject(opened.flow), f": {found}")
    return pins_response(opened, action_id)


def pins_response(opened: OpenFlow, action_id: str) -> HttpResponse:
    """The card, and what else says whether the output is pinned."""
    selected = still_selected(opened)
    if not opened.request.htmx:
        return redirect(url_of(opened.flow, action_id))
    chart = chart_of(opened, selected)
    card = chart.card(action_id)
    cards = [card_region_of(opened, chart, card)] if card is not None and card.lanes is None else []
    panel = [this_run_region(opened, selected)] if opened.request.POST.get("view") == THIS_RUN else []
    return regions(opened.request, *cards, *bottom_panel(opened).regions, *panel)


def why_not_saved(plan: PlannedRun, name: str) -> str:
    """In a sentence; empty where they can be saved."""
    if not plan.form.is_bound or not plan.form.is_valid():
        return "Not saved: correct the inputs first."
    if not name or len(name) > LONGEST_NAME:
        return f"Not saved: give them a name of at most {LONGEST_NAME} characters."
    saved = plan.opened.flow.saved_inputs
    if saved.count() >= MOST_SAVED and not saved.filter(name=name).exists():
        return f"Not saved: {MOST_SAVED} test inputs are kept already. Delete one first."
    return "" if is_storable(shown_inputs_of(plan)) else TOO_LARGE


def shown_inputs_of(plan: PlannedRun) -> dict[str, object]:
    flow = plan.opened.flow
    shown: dict[str, object] = Run.objects.build(flow=flow, inputs=plan.form.inputs(), by=None, via="").inputs
    return shown


@editor
@require_POST
def delete_inputs(request: Request, slug: str) -> HttpResponse:
    """Forgets inputs with a name."""
    opened = OpenFlow.find(request, slug)
    found = opened.flow.saved_inputs.filter(pk=whole_number(request.POST.get("saved")) or 0).first()
    if found is not None:
        with transaction.atomic():
            found.delete()
            record(origin_of(request), "deleted", flow_subject(opened.flow), f": test inputs {found.name}")
    plan = PlannedRun(opened, {})
    return regions(request, inputs_region(plan), run_bar_region(opened))
