"""A run as it goes, on the cards of the designer: by the stream of the page of a run (`flows/runs/stream.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import Http404, StreamingHttpResponse
from django.views.decorators.http import require_GET

from flows.access import find_flow
from flows.designer import regions as designer_regions
from flows.designer.chart_changes import chart_regions, whole_chart
from flows.designer.in_place.regions import THIS_RUN, bottom_panel, this_run_region
from flows.designer.in_place.run_bar import run_bar_region
from flows.designer.open_flow import OpenFlow
from flows.engine.live import hub
from flows.flowchart.card_runs import token_words
from flows.flowchart.chart import Card, Flowchart, all_cards
from flows.models import Flow, Run
from flows.runs.stream import NOTHING, find_streamed_run, follow_run
from foundryflow.access import reader
from foundryflow.database.threads import in_thread
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, new_words, partial, text
from foundryflow.session_watch import session_end
from foundryflow.streams import event_stream


@reader
@require_GET
async def stream(request: Request, slug: str, pk: int) -> StreamingHttpResponse:
    viewer = await in_thread(viewer_of)(request, slug, pk)
    return event_stream(follow_run(pk, viewer), lambda: session_end(request))


def viewer_of(request: Request, slug: str, pk: int) -> DesignerViewer:
    """Raises Http404."""
    flow = find_flow(request, slug)
    if not Run.objects.filter(flow=flow, pk=pk).exists():
        raise Http404(f"There is no run {pk} of this flow.")
    return DesignerViewer(request, flow)


class DesignerViewer:
    """What one browser shows of a run in the designer."""

    def __init__(self, request: Request, flow: Flow) -> None:
        """`request` says which action, iterations and tabs the page shows."""
        self.request, self._flow = request, flow
        comes_back = bool(request.headers.get("Last-Event-ID"))
        self.event = NOTHING if comes_back else whole_number(request.GET.get("after")) or 0
        self._selected, self._view = request.GET.get("action", ""), request.GET.get("view", "")
        self._base = whole_number(request.GET.get("base")) or 0
        self._chart: Flowchart | None = None  # that the page shows
        self._texts: dict[str, tuple[str, int]] = {}  # elements with streamed text: path, and characters they show
        self._tokens: dict[str, tuple[str, str]] = {}  # elements with their number: path, and what they say

    def read_changes(self, run_id: int) -> tuple[list[str], bool]:
        run = find_streamed_run(run_id)
        if run.last_event <= self.event:
            return [], run.ended
        opened = OpenFlow(self.request, Flow.objects.select_related("head", "head__created_by").get(pk=self._flow.pk))
        opened.show(run, self.request.GET.getlist("at"))
        changed = [partial(region, self.request) for region in self._changed_regions(opened)]
        self.event = run.last_event
        return [str(each) for each in changed], run.ended

    def new_text(self, run_id: int) -> Iterator[str]:
        streamed = hub.texts_of(run_id)
        for element, (path, shown) in self._texts.items():
            so_far = streamed.get(path, "")
            if len(so_far) > shown:
                self._texts[element] = (path, len(so_far))
                yield text(element, so_far[shown:])
        for element, (path, said) in self._tokens.items():
            words = token_words(len(streamed.get(path, "")))
            if words != said:
                self._tokens[element] = (path, words)
                yield new_words(element, words)

    def _changed_regions(self, opened: OpenFlow) -> Iterator[Region]:
        chart = designer_regions.chart_of(opened, self._selected)
        yield from self._chart_regions(opened, chart)
        yield run_bar_region(opened)
        bottom = bottom_panel(opened)
        yield from bottom.regions
        if bottom.tab == "output" and bottom.record and bottom.is_answer and bottom.detail:
            self._texts[bottom.text_id] = (bottom.record.path, bottom.detail.length)
        if self._view == THIS_RUN:
            region = this_run_region(opened, self._selected)
            detail: Any = region.context["detail"]
            if detail is not None:
                self._texts[detail.text_id] = (detail.record.path, detail.length)
                self._tokens[detail.tokens_id] = (detail.record.path, detail.streamed_tokens)
            yield region
        elif run_has_ended(opened) and self._selected:
            yield designer_regions.panel_region(opened, self._selected)  # which can be edited again

    def _chart_regions(self, opened: OpenFlow, chart: Flowchart) -> Iterator[Region]:
        shared = {"flow": opened.flow, "chart": chart}
        number = opened.flow.current.number
        is_known = self._chart is not None and number == self._base and not opened.root and opened.is_live
        changed = chart_regions(self._chart, chart, shared) if is_known and self._chart else [whole_chart(shared)]
        if number != self._base:
            changed += [designer_regions.saved_region(opened), *designer_regions.problems_regions(opened)]
        self._chart, self._base = chart, number
        sent = {card.id for region in changed for card in cards_in(region)}
        self._note_texts(chart, sent)
        yield from changed

    def _note_texts(self, chart: Flowchart, sent: set[str]) -> None:
        going = [card for card in all_cards(chart.cards, chart.lanes) if card.run and card.run.is_going]
        known, self._texts, self._tokens = self._texts, {}, {}
        for card in going:
            if card.run and card.view.streams:
                self._tokens[card.run.tokens_key] = (card.run.path, "")
                before = known.get(card.run.key)
                length = card.run.length if card.id in sent or before is None else before[1]
                self._texts[card.run.key] = (card.run.path, length)


def run_has_ended(opened: OpenFlow) -> bool:
    return opened.shown_run is not None and opened.shown_run.run.ended


def cards_in(region: Region) -> Iterator[Card]:
    """The cards whose text is sent with a region."""
    context = region.context
    match region.template:
        case "designer/_flowchart.html":
            yield from all_cards(context["chart"].cards, context["chart"].lanes)
        case "designer/_card.html" | "designer/_container.html":
            yield from all_cards([context["card"]], [])
        case "designer/_lane.html":
            yield from all_cards(context["lane"].cards, [])
        case "designer/_block.html":
            yield from all_cards(context["cards"], [])
