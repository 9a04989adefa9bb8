"""The run whose states and values the designer shows: the one that the page names, else the newest of the flow.

A page names it in its address (`?run=12`, `?run=none`), and in a header of every request that it makes by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from django.db.models import Max, TextField
from django.db.models.functions import Cast, Length

from flows.actions import registry
from flows.flowchart.run_states import RunStates
from flows.language.nodes import Action
from flows.lint.visible import variables_at
from flows.models import ActionRun, Flow, Run, State
from flows.models.iteration import enclosing_places, split_place
from flows.models.run_counts import LARGE, newest_runs
from foundryflow.http import Request, whole_number

RUN_HEADER = "X-Flow-Run"
ITERATIONS_HEADER = "X-Flow-Iterations"  # places of those that the page shows, with a space between
NONE = "none"  # in place of a number: no run is shown
MOST_PLACES = 20
LARGEST = 200_000  # characters of what an action has set; more is not read to show values


class ShownRun:
    """A run beside the flow as it is now, which may have been edited since.

    Everything is as people may see it: secrets are masks, an answer of a model is an object with `text` and `usage`, a
    connection one with `connection` and `host`. Actions are named by their id. In a loop counts the iteration that the
    chart shows (`RunStates`).
    """

    def __init__(self, run: Run, flow: Flow, places: Sequence[str] = (), *, is_named: bool = False) -> None:
        """`is_named`: the address names it. Raises DocumentError where the flow is broken."""
        self.run, self._flow, self._is_named = run, flow, is_named
        self._document = flow.current.parsed()
        self.states = RunStates(run, self._document, places)

    @property
    def is_live(self) -> bool:
        return not self.run.ended

    @property
    def is_older(self) -> bool:
        """Whether the flow was edited since."""
        return self.run.revision_id != self._flow.head_id

    @property
    def keep(self) -> str:
        """At the end of an address, what says that this run is shown, and of it which iterations."""
        return self.keep_run + "".join(f"&at={quote(place)}" for place in self.states.chosen)

    @property
    def keep_run(self) -> str:
        return f"&run={self.run.pk}" if self._is_named else ""

    def record_of(self, action_id: str) -> ActionRun | None:
        """How the run did the action; None when it did not come there. What is large of it is read when it is used."""
        return self.states.records.get(action_id)

    def output_of(self, action_id: str) -> Any:
        """The output of the action, as JSON; None when there is none."""
        record = self.record_of(action_id)
        return record.output if record else None

    def properties_of(self, action_id: str) -> Mapping[str, Any]:
        """The properties of the action as the run has resolved their templates, by name."""
        record = self.record_of(action_id)
        return record.inputs if record else {}

    def values_before(self, action_id: str) -> dict[str, Any]:
        """What the variables in scope in front of the action held last, by name.

        A variable is left out that the run has not set, or whose value is too large to be looked at. Where the run did
        not come to the action, these are the values behind what it did of the actions before.
        """
        known = {*(variable.name for variable in variables_at(self._document, action_id)), "inputs"}
        return {name: value for name, value in self._values(action_id).items() if name in known}

    def values_at_end(self) -> dict[str, Any]:
        """What all variables held last, by name."""
        return self._values("")

    def _values(self, until: str) -> dict[str, Any]:
        """What the inputs and the actions before `until` have set, the last value of each variable."""
        inputs = dict(self._inputs)
        values: dict[str, Any] = {"inputs": inputs, **inputs}
        for action, variables, output in self._outcomes(until):
            values |= variables
            if isinstance(output, Mapping):
                values |= {name: output[name] for name in names_declared(action) - {*variables} if name in output}
        return values | self._values_of_iterations(self.states.paths.get(until, ""))

    @cached_property
    def _inputs(self) -> dict[str, Any]:
        return Run.objects.values_list("inputs", flat=True).get(pk=self.run.pk) or {}

    def _outcomes(self, until: str) -> Iterator[tuple[Action, dict[str, Any], Any]]:
        """Variables and output of the actions before, as each has left them last, in the order in which they began.

        Of those in the same loops as `until` counts what the iteration that is shown did; where it left one out, an
        earlier iteration has set only what is declared outside of the loop.
        """
        here = self.record_of(until)
        done = self.run.actions.filter(state=State.SUCCEEDED).order_by()
        before = {action.id: action for action in self._before(until)}
        beside = self._paths_beside(until, before)
        exact = dict(done.filter(path__in=beside.values()).values_list("action_id", "order")) if beside else {}
        elsewhere = done.filter(order__lt=here.order) if here else done.exclude(action_id__in=beside)
        others = elsewhere.exclude(action_id__in=exact).values_list("action_id").annotate(Max("order"))
        newest = {**exact, **dict(others)}
        orders = [order for action_id, order in newest.items() if action_id in before]
        small = self.run.actions.filter(order__in=orders).order_by("order").annotate(
            of_variables=Length(Cast("variables", TextField())), of_output=Length(Cast("output", TextField()))
        )  # fmt: skip
        rows = small.exclude(of_variables__gt=LARGEST).values_list("pk", "action_id", "variables", "of_output")
        for pk, action_id, variables, length in rows:
            action = before[action_id]
            declared = names_declared(action)
            is_earlier = action_id in beside and action_id not in exact
            if is_earlier:
                variables = {name: value for name, value in variables.items() if name not in declared}
            has_more = declared and not is_earlier and not variables and (length or 0) <= LARGEST
            output = ActionRun.objects.values_list("output", flat=True).get(pk=pk) if has_more else None
            yield action, variables or {}, output

    def _paths_beside(self, until: str, before: Iterable[str]) -> dict[str, str]:
        """Where the records are of actions that stand in the same iteration, by their id."""
        paths = self.states.paths
        starts = tuple(f"{place}/" for place in enclosing_places(paths.get(until, "")))
        return {id: paths[id] for id in before if id in paths and paths[id].startswith(starts)} if starts else {}

    def _before(self, until: str) -> Iterator[Action]:
        """The actions in the order of the flow."""
        for located in self._document.walk():
            if located.action.id == until:
                return
            yield located.action

    def _values_of_iterations(self, path: str) -> dict[str, Any]:
        """What the loops around the action have bound in the iteration that is shown."""
        values: dict[str, Any] = {}
        for place in enclosing_places(path):
            loop, number = split_place(place)
            record = self.run.actions.filter(path=loop).first()
            known = registry.find_type(record.type) if record else None
            if record and known:
                values |= known.values_inside(record.inputs, number)
        return values


def names_declared(action: Action) -> set[str]:
    """The variables that it brings into scope."""
    return {name for name, _, _ in registry.variables_declared(action)}


def shown_run(request: Request, flow: Flow) -> ShownRun | None:
    """The run to show beside the flow; None when there is none. Raises DocumentError where the flow is broken."""
    run = find_shown(request, flow)
    if run is None:
        return None
    is_named = str(run.pk) in (request.GET.get("run"), *page_query(request).get("run", []))
    return ShownRun(run, flow, places_shown(request), is_named=is_named)


def find_shown(request: Request, flow: Flow) -> Run | None:
    named = named_run(request)
    if named == NONE:
        return None
    if (number := whole_number(named)) and (run := find_run_of(flow, number)) is not None:
        return run
    last = flow.last_inputs.filter(person=request.user).values_list("run_number", flat=True).first()
    return (find_run_of(flow, last) if last else None) or newest_runs([flow.pk]).get(flow.pk)


def find_run_of(flow: Flow, number: int) -> Run | None:
    """A run of the flow by its number, without what is large of it."""
    found = Run.objects.filter(pk=number, flow=flow).select_related("revision", "started_by")
    return found.defer(*LARGE, "revision__document").first()


def named_run(request: Request) -> str:
    """What the page says of the run that it shows: a number, `none`, or nothing."""
    of_page = page_query(request).get("run", [""])[0]
    return request.GET.get("run") or request.headers.get(RUN_HEADER) or of_page


def places_shown(request: Request) -> list[str]:
    """The iterations that the page has chosen."""
    asked = request.GET.getlist("at") or request.headers.get(ITERATIONS_HEADER, "").split()
    return (asked or page_query(request).get("at", []))[:MOST_PLACES]


def page_query(request: Request) -> dict[str, list[str]]:
    """Of the page that a request by htmx came from."""
    return parse_qs(urlsplit(request.htmx.current_url or "").query) if request.htmx else {}
