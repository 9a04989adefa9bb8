"""Two runs side by side: how each went, inputs, outputs and every action, with the words that differ marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows.access import find_run
from flows.engine.records import LONGEST_PATH
from flows.flowchart.states import run_view
from flows.models import Run
from flows.runs.compared_steps import AT_ONCE, StepDifference, StepPair, paths_of, step_difference, step_pairs
from flows.runs.costs import cost_words
from flows.runs.differences import FactPair, ValuePair, value_pair, value_pairs
from flows.runs.list import RunRow, run_rows
from flows.runs.status import moment_words, way_of
from foundryflow.access import reader
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, page, regions
from foundryflow.templatetags.ui import duration_ms, token_count

MOST_OFFERED = 20  # runs that one can be compared with by a press


@dataclass(frozen=True)
class RunComparison:
    """What the page says of the runs `a` and `b`; the address chooses the page of actions and the open one."""

    left: Run
    right: Run
    params: Mapping[str, str]

    def address(self, **more: str | int) -> str:
        query = urlencode({"a": self.left.pk, "b": self.right.pk, **more})
        return f"{reverse('runs:compare')}?{query}"

    @property
    def swapped_address(self) -> str:
        return f"{reverse('runs:compare')}?{urlencode({'a': self.right.pk, 'b': self.left.pk})}"

    @property
    def other_flows(self) -> bool:
        return self.left.flow_id != self.right.flow_id

    @property
    def other_revisions(self) -> bool:
        return not self.other_flows and self.left.revision_id != self.right.revision_id

    @property
    def revisions(self) -> str:
        """Address of what differs between them."""
        query = urlencode({"r": self.right.revision.number, "with": self.left.revision.number})
        return f"{reverse('revisions:show', args=[self.left.flow.slug])}?{query}"

    @cached_property
    def sides(self) -> list[tuple[str, Run]]:
        return [("Left", self.left), ("Right", self.right)]

    @cached_property
    def facts(self) -> list[FactPair]:
        lefts, rights = (facts_of(run) for run in (self.left, self.right))
        return [FactPair(name, lefts[name], rights[name]) for name in lefts if lefts[name] or rights[name]]

    @cached_property
    def inputs(self) -> list[ValuePair]:
        return value_pairs(self.left.inputs, self.right.inputs)

    @cached_property
    def output(self) -> ValuePair:
        return value_pair("output", *(result_of(run) for run in (self.left, self.right)))

    # Actions

    @cached_property
    def _paths(self) -> list[str]:
        return paths_of(self.left, self.right)

    @property
    def count(self) -> int:
        return len(self._paths)

    @cached_property
    def pages(self) -> int:
        return max(1, -(-self.count // AT_ONCE))

    @cached_property
    def number(self) -> int:
        """Of the page of actions."""
        return min(max(whole_number(self.params.get("page"), 6) or 1, 1), self.pages)

    @property
    def earlier(self) -> str:
        return self.address(page=self.number - 1) if self.number > 1 else ""

    @property
    def later(self) -> str:
        return self.address(page=self.number + 1) if self.number < self.pages else ""

    @cached_property
    def steps(self) -> list[StepPair]:
        begin = (self.number - 1) * AT_ONCE
        return step_pairs(self.left, self.right, self._paths[begin : begin + AT_ONCE])

    @cached_property
    def open_step(self) -> StepDifference | None:
        """Of the action that the address has open, for browsers without scripts."""
        path = self.params.get("path", "")[:LONGEST_PATH]
        return step_difference(self.left, self.right, path) if path else None


def facts_of(run: Run) -> dict[str, str]:
    return {
        "State": run_view(run).word,
        "Started": moment_words(run.created_at, timezone.now()),
        "Duration": duration_ms(run.milliseconds),
        "Tokens in": token_count(run.tokens, "prompt_tokens"),
        "Tokens out": token_count(run.tokens, "completion_tokens"),
        "Cost": cost_words(run),
        "Revision": str(run.revision.number),
        "Customer": run.customer or "",
        "Started by": way_of(run),
    }


def result_of(run: Run) -> object:
    """Its output, or why there is none."""
    return (run.error or {}).get("message") if run.output is None and run.error else run.output


@reader
@require_GET
def compare(request: Request) -> HttpResponse:
    """With one run in the address, or none, the other is chosen first. `run` twice: chosen in a list, older first."""
    chosen = [number for text in request.GET.getlist("run") if (number := whole_number(text))]
    numbers: Sequence[int | None] = sorted(chosen)[:2] or [whole_number(request.GET.get(name)) for name in ("a", "b")]
    runs = [find_run(request, number) for number in numbers if number is not None]
    if len(runs) < 2:
        return page(request, "runs/compare_choice.html", choice_context(request, runs))
    comparison = RunComparison(runs[0], runs[1], request.GET)
    return page(request, "runs/compare.html", {"comparison": comparison})


def choice_context(request: Request, runs: Sequence[Run]) -> dict[str, object]:
    run = runs[0] if runs else None
    return {"run": run, "rows": other_runs(request, run) if run else []}


def other_runs(request: Request, run: Run) -> list[RunRow]:
    """Of the same flow, those that it was made from or led to first, then the newest."""
    same = Run.objects.visible_to(request.user).filter(flow=run.flow_id).exclude(pk=run.pk)
    found = same.select_related("flow", "started_by").order_by("-pk")[:MOST_OFFERED]
    return run_rows(found)


@reader
@require_GET
def compare_step(request: Request) -> HttpResponse:
    """What went in and came out of one action in both runs."""
    left, right = (find_run(request, whole_number(request.GET.get(name)) or 0) for name in ("a", "b"))
    path = request.GET.get("path", "")[:LONGEST_PATH]
    difference = step_difference(left, right, path)
    if difference.output is None:
        raise Http404("Neither of these runs has such an action.")
    return regions(request, Region("runs/_compare_step.html", difference.key, {"difference": difference}))
