"""Which of the records of a run the flowchart shows: of each loop one iteration, of each action one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from django.db.models.fields.json import KT

from flows.actions.registry import loop_types
from flows.language.document import DocumentTree
from flows.language.nodes import Action
from flows.models import EXECUTING, ActionRun, Run, State
from flows.models.iteration import split_place

LARGE = ("inputs", "output", "variables", "facts")  # columns that the chart does not show
MOST_GOING = 200  # actions that go at the same time
AT_ONCE = 500  # paths of one query


class RunStates:
    """The records of a run that belong together on one chart.

    `chosen` are places of iterations, such as `each[2]` or `each[2]/part[0]`. A loop of which none is chosen shows the
    iteration that goes, before one that waits, else the one that was reached last.
    """

    def __init__(self, run: Run, document: DocumentTree, chosen: Sequence[str] = ()) -> None:
        self.run, self._document, self.chosen = run, document, chosen
        self._chosen = dict(reversed([(split_place(place)[0], place) for place in chosen if place.endswith("]")]))

    @cached_property
    def places(self) -> Mapping[str, str]:
        """The iteration that is shown of each loop that has one, by the path of the loop."""
        return {loop: place for loop, place in self._loops(self._document.actions, "") if place}

    @cached_property
    def paths(self) -> Mapping[str, str]:
        """Where the record of each action is, by its id."""
        return dict(self._paths(self._document.actions, ""))

    @cached_property
    def records(self) -> Mapping[str, ActionRun]:
        """By the id of the action; those that were not reached are left out."""
        paths = list(self.paths.values())
        found: dict[str, ActionRun] = {}
        for at in range(0, len(paths), AT_ONCE):
            rows = (
                self.run.actions.filter(path__in=paths[at : at + AT_ONCE])
                .order_by()
                .defer(*LARGE)
                .annotate(decision=KT("facts__decision"))
            )
            found |= {row.action_id: row for row in rows}
        return found

    def decision_of(self, record: ActionRun) -> str:
        """Why one of these went the way it did, with its values; empty where it has not decided anything."""
        return getattr(record, "decision", None) or ""

    @cached_property
    def going(self) -> list[ActionRun]:
        """What is executed, the newest first."""
        found = self.run.actions.filter(state__in=EXECUTING).order_by("-order")
        return list(found.only("path", "action_id", "title", "state", "order", "reason", "waits_until")[:MOST_GOING])

    def _paths(self, actions: Sequence[Action], prefix: str) -> Iterator[tuple[str, str]]:
        for action in actions:
            path = f"{prefix}{action.id}"
            yield action.id, path
            inside = self.places.get(path, path) if action.type in loop_types() else path
            for branch in action.branches:
                yield from self._paths(branch.actions, f"{inside}/")

    def _loops(self, actions: Sequence[Action], prefix: str) -> Iterator[tuple[str, str]]:
        for action in actions:
            path = inside = f"{prefix}{action.id}"
            if action.type in loop_types():
                place = self._place_in(path)
                yield path, place
                inside = place or path
            for branch in action.branches:
                yield from self._loops(branch.actions, f"{inside}/")

    def _place_in(self, loop: str) -> str:
        if loop in self._chosen:
            return self._chosen[loop]
        start = f"{loop}["
        going = [record for record in self.going if record.path.startswith(start)]
        going.sort(key=lambda record: record.state != State.RUNNING)
        # A container is going as long as what it holds waits.
        leaves = [record for record in going if not any(other.path.startswith(f"{record.path}/") for other in going)]
        path = (leaves or going)[0].path if going else self._newest_in(start)
        return path[: path.index("]", len(start)) + 1] if path else ""

    def _newest_in(self, start: str) -> str:
        newest = self.run.actions.filter(path__startswith=start).order_by("-order").values_list("path", flat=True)
        return newest.first() or ""
