"""A run that somebody is about to start beside the chart: all of the flow, up to an action, or one action alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import transaction

from flows import engine
from flows.designer.open_flow import OpenFlow
from flows.designer.pins import NotPinned, pins_for_run
from flows.engine import configuration
from flows.engine.configuration import LocatedProblem, head_of
from flows.interpreter.runner import title_of
from flows.language.nodes import Action
from flows.models import ActionRun, LastInputs, Run, SavedInputs, State
from flows.models.audit import of_flow, run_subject
from flows.models.designer import is_storable, without_masks
from flows.runs.forms import InputsForm
from foundryflow.audit.record import origin_of, record
from foundryflow.http import whole_number

VIA = "designer"


class NotPossible(Exception):
    """Why the run cannot be started, in a sentence."""


@dataclass(frozen=True)
class PlannedRun:
    """`until` is the action that it ends behind; `alone` that it begins there, too, with the values of another run."""

    opened: OpenFlow
    data: Mapping[str, str]
    until: Action | None = None
    alone: ActionRun | None = None
    saved: SavedInputs | None = None

    @classmethod
    def of(cls, opened: OpenFlow, data: Mapping[str, str]) -> PlannedRun:
        """Raises NotPossible."""
        until = find_action(opened, data.get("until") or data.get("alone") or "")
        alone = record_to_repeat(opened, until) if data.get("alone") and until else None
        number = whole_number(data.get("saved"))
        saved = opened.flow.saved_inputs.filter(pk=number).first() if number else None
        return cls(opened, data, until, alone, saved)

    @property
    def title(self) -> str:
        name = title_of(self.until) if self.until else ""
        if self.alone:
            return f"Run {name} alone"
        return f"Run up to {name}" if self.until else "Run"

    @property
    def heading(self) -> str:
        return self.title if self.until else f"Run {self.opened.flow.name}"

    @cached_property
    def form(self) -> InputsForm:
        document = self.opened.document
        is_filled_in = not document.inputs or "asked" in self.data
        origin = self.alone.run if self.alone else None
        files = self.opened.request.FILES
        return InputsForm(document, self.data if is_filled_in else None, origin, self._offered(), files)

    @property
    def asks(self) -> bool:
        """Whether the inputs are to be typed first."""
        if self.form.is_bound:
            return False
        return not (self.alone and self._inputs_known())

    def _inputs_known(self) -> bool:
        """Whether the run whose values are used has kept all of its inputs: secret ones are gone."""
        run = self.alone.run if self.alone else None
        return run is not None and without_masks(run.inputs).keys() == run.inputs.keys()

    def _offered(self) -> dict[str, Any]:
        """What the fields begin with, unless it is what another run had."""
        if self.saved:
            return dict(self.saved.inputs)
        if self.data.get("blank"):
            return {}
        last = self.opened.flow.last_inputs.filter(person=self.opened.request.user)
        return dict(last.values_list("inputs", flat=True).first() or {})

    @cached_property
    def errors(self) -> list[LocatedProblem]:
        """What keeps the flow from being run, unless somebody wants it anyway."""
        found = configuration.errors_before_run(head_of(self.opened.flow))
        return configuration.locate_problems(found, self.opened.document, self.opened.flow)

    @property
    def is_refused(self) -> bool:
        return bool(self.errors) and "anyway" not in self.data

    @transaction.atomic
    def start(self) -> Run:
        """Queues the run. Raises NotPossible."""
        opened, request = self.opened, self.opened.request
        inputs = self.form.inputs() if self.form.is_bound else None
        options: dict[str, Any] = {"via": VIA, "by": request.user, "priority": engine.URGENT, "pins": self._pins()}
        if self.alone:
            origin, path = self.alone.run, self.alone.path
            run = Run.objects.start_again(
                origin, path=path, inputs=inputs, revision=origin.flow.current, until=path, **options
            )
        else:
            until = self.until.id if self.until else None
            run = Run.objects.start(flow=opened.flow, inputs=inputs or {}, until=until, **options)
        engine.submit(run)
        known = without_masks(run.inputs)
        values = {"inputs": known if is_storable(known) else {}, "run_number": run.pk}
        LastInputs.objects.update_or_create(values, flow=opened.flow, person=request.user)
        record(origin_of(request), "started", run_subject(run), self._how())
        return run

    def _pins(self) -> Any:
        besides = self.until.id if self.alone and self.until else ""
        try:
            return pins_for_run(self.opened.flow, self.opened.document, besides)
        except NotPinned as error:
            raise NotPossible(str(error)) from None

    def _how(self) -> str:
        what = self.title[:1].lower() + self.title[1:]
        return f"{of_flow(self.opened.flow)}: {what}" if self.until else of_flow(self.opened.flow)


def find_action(opened: OpenFlow, action_id: str) -> Action | None:
    if not action_id:
        return None
    action = opened.document.find(action_id)
    if action is None:
        raise NotPossible("This action was removed meanwhile. Nothing was run.")
    if action.disabled:
        raise NotPossible(f"{title_of(action)} is disabled, so a run leaves it out. Enable it first.")
    return action


def record_to_repeat(opened: OpenFlow, action: Action) -> ActionRun:
    """What the run that is shown did with the action. Raises NotPossible."""
    title, shown = title_of(action), opened.shown_run
    if shown is None:
        raise NotPossible(f"There is no run whose values {title} could use. Run up to it first.")
    if shown.is_live:
        raise NotPossible(f"Run {shown.run.pk} is still going. Wait for its end, or stop it.")
    found = shown.record_of(action.id)
    if found is None or found.state == State.SKIPPED:
        raise NotPossible(f"Run {shown.run.pk} did not come to {title} where it stands now. Run up to it first.")
    found.run = shown.run
    return found
