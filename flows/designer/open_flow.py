"""A flow that somebody has open in the designer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from connections.models import Connection
from flows.access import find_flow
from flows.designer.audit import record_edit, record_step
from flows.designer.fields import PanelContext
from flows.designer.pins import LostPin, pin_views
from flows.designer.shown_run import ShownRun, shown_run
from flows.engine import configuration
from flows.flowchart.card_runs import CardRun, card_runs
from flows.flowchart.chart import PinView
from flows.flowchart.labels import title_of
from flows.language.document import Document, DocumentError
from flows.language.merge import Collision, MergedDocument, merge
from flows.language.nodes import Input
from flows.lint import linter
from flows.lint.open_problems import open_problems
from flows.lint.visible import variables_at
from flows.models import Conflict, Flow, LastInputs, Pin, Revision, Run
from flows.models.history import FlowHistory, RevisionStep
from foundryflow.http import Request, whole_number
from foundryflow.roles import may_edit

BASE_HEADER = "X-Flow-Base"  # the number of the revision that the page shows
MOST_TRIES = 5  # commits of others that may come first
MOST_FLOWS = 1_000  # to choose from


class NotTakenBack(Exception):
    """Others have changed what an undo would take back."""

    def __init__(self, collisions: Sequence[Collision], number: int) -> None:
        super().__init__("It was changed again since.")
        self.collisions, self.number = collisions, number


@dataclass(frozen=True)
class ProblemRow:
    """A problem as the list under the chart has it."""

    found: linter.Problem
    title: str  # of its action
    is_open: bool  # nobody has come there yet


@dataclass(frozen=True)
class ProblemList:
    """What is wrong with the flow, as the list under the chart and the fields of a panel say it."""

    problems: Sequence[linter.Problem]
    document: Document
    open: Collection[linter.Problem] = ()  # at what is still to be filled in: they count, but nothing is red for them

    @property
    def rows(self) -> list[ProblemRow]:
        return [ProblemRow(found, self._title_of(found.action_id), found in self.open) for found in self.problems]

    @property
    def mistakes(self) -> list[linter.Problem]:
        """Problems that are shown where they are."""
        return [problem for problem in self.problems if problem not in self.open]

    def of_action(self, action_id: str) -> dict[str, linter.Problem]:
        """The mistakes in one action by property; an error goes before a warning."""
        found = sorted(self.mistakes, key=lambda problem: problem.severity == "error")
        return {problem.property or "": problem for problem in found if problem.action_id == action_id}

    @property
    def errors(self) -> int:
        return sum(1 for problem in self.problems if problem.severity == "error")

    def _title_of(self, action_id: str | None) -> str:
        return title_of(action_id, self.document) if action_id else "Flow"

    @property
    def is_bad(self) -> bool:
        return any(problem.severity == "error" for problem in self.mistakes)


class OpenFlow:
    """The flow of one request. What several regions show is read once, however many of them are sent."""

    def __init__(self, request: Request, flow: Flow) -> None:
        self.request, self.flow = request, flow
        # The action put in last whose panel is open since: on the page, and in what is answered.
        self.new_action_shown = request.POST.get("new_action") or request.GET.get("new_action", "")
        self.new_action = request.POST.get("new_action", "")
        self._contexts: dict[str, PanelContext] = {}
        self.committed: int | None = None  # the number of the revision that this request made
        self.theirs: Document | None = None  # what this request found current and was merged with

    @classmethod
    def find(cls, request: Request, slug: str) -> OpenFlow:
        """Raises Http404."""
        return cls(request, find_flow(request, slug))

    @property
    def document(self) -> Document:
        """The current revision as a tree. Raises DocumentError when what is stored is broken."""
        return self.flow.current.parsed()

    @property
    def can_edit(self) -> bool:
        return may_edit(self.request.user)

    @property
    def base(self) -> int:
        """The number of the revision that the page shows, on which edits are made; 0 when none was named."""
        given = self.request.POST.get("base") or self.request.GET.get("base") or self.request.headers.get(BASE_HEADER)
        return whole_number(given) or 0

    @property
    def root(self) -> str:
        """The container that the page shows as the whole chart; empty: the flow."""
        address = urlsplit(self.request.htmx.current_url or "") if self.request.htmx else None
        return self.request.GET.get("root") or (parse_qs(address.query).get("root", [""])[0] if address else "")

    @cached_property
    def shown_revision(self) -> Revision | None:
        """The revision that the page shows; None when there is none of that number."""
        current = self.flow.current
        if self.base in (0, current.number):
            return current if self.base else None
        return self.flow.revisions.filter(number=self.base).first()

    @property
    def shown_document(self) -> Document:
        """What edits are made on. Raises DocumentError."""
        return self.shown_revision.parsed() if self.shown_revision else self.document

    @cached_property
    def connections(self) -> list[Connection]:
        return list(Connection.objects.only("name", "kind", "endpoint", "auth").order_by("name"))

    @cached_property
    def problems(self) -> ProblemList:
        return self.problems_in(self.flow.current, self.new_action)

    def problems_in(self, revision: Revision, new_action: str) -> ProblemList:
        document = revision.parsed()
        found = configuration.problems_of_revision(revision, self.flow, self.connections)
        return ProblemList(found, document, open_problems(document, found, new_action))

    @cached_property
    def shown_run(self) -> ShownRun | None:
        """The run whose states and values stand beside the flow."""
        return shown_run(self.request, self.flow)

    def show(self, run: Run, places: Sequence[str] = (), *, is_named: bool = False) -> None:
        """Has this run shown, whichever the page has named."""
        self._forget()
        self.__dict__["shown_run"] = ShownRun(run, self.flow, places, is_named=is_named)

    @property
    def is_live(self) -> bool:
        """Whether the run that is shown is going: nothing is edited meanwhile."""
        return self.shown_run is not None and self.shown_run.is_live

    @cached_property
    def card_runs(self) -> Mapping[str, CardRun]:
        return card_runs(self.shown_run.states) if self.shown_run else {}

    @cached_property
    def _stored_pins(self) -> list[Pin]:
        return list(self.flow.pins.defer("content"))

    @cached_property
    def _pins(self) -> tuple[dict[str, PinView], list[LostPin]]:
        return pin_views(self._stored_pins, self.document)

    @property
    def pins(self) -> Mapping[str, PinView]:
        """By the id of the action."""
        return self._pins[0]

    @property
    def pins_before(self) -> Mapping[str, PinView]:
        """Those of the revision that the page shows."""
        return pin_views(self._stored_pins, self.shown_document)[0]

    @property
    def lost_pins(self) -> Sequence[LostPin]:
        return self._pins[1]

    @cached_property
    def history(self) -> FlowHistory:
        return FlowHistory(self.flow)

    def panel_context(self, action_id: str) -> PanelContext:
        """What the form of an action is told. An edit of the action itself does not change it."""
        if action_id not in self._contexts:
            variables = variables_at(self.document, action_id)
            names = [connection.name for connection in self.connections]
            tried_with = partial(LastInputs.objects.tried_with, self.flow, self.request.user, action_id)
            self._contexts[action_id] = PanelContext(
                variables, names, settings.ENVIRONMENT_SECRETS, self.flows_to_run, self.inputs_of, tried_with
            )
        return self._contexts[action_id]

    def commit(self, changed: Document, *, note: str) -> MergedDocument:
        """Makes what the person changed on the page's revision current, together with what others have changed since.

        What collides is left as others have it. Raises Conflict where it is not known what the page shows, and
        DocumentError where both together are more than a flow may hold.
        """
        shown = self.shown_revision
        if shown is None:
            raise Conflict(self.flow.current)
        for _ in range(MOST_TRIES):
            self.theirs = self.document
            merged = merge(shown.parsed(), changed, self.theirs)
            if merged.document == self.document:
                return merged
            try:
                self.committed = self._store(merged.document, note).number
            except (Conflict, IntegrityError):  # on PostgreSQL two may number their revisions alike
                self.read_again()
                continue
            self._forget()
            return merged
        raise Conflict(self.flow.current)

    @transaction.atomic
    def _store(self, changed: Document, note: str) -> Revision:
        """Makes the document current in place of what was read. Raises Conflict and DocumentError."""
        before = self.flow.current
        made = self.flow.commit(changed, by=self.request.user, base=before.number, note=note[:200])
        record_edit(self.request, self.flow, before, made)
        return made

    def put_back(self, typed: Document, action_id: str, *, note: str) -> MergedDocument:
        """Puts an action that others have removed into the current revision, with all that it was in and is not there.

        Raises Conflict and DocumentError.
        """
        root = typed.locate(action_id)
        while root.owner is not None and self.document.find(root.owner.id) is None:
            root = typed.locate(root.owner.id)
        owner = self.document.find(root.owner.id) if root.owner else None
        lanes = [lane.id for lane in owner.branches if root.branch and lane.id == root.branch.id] if owner else []
        place = {"owner": owner.id if owner and lanes else None, "branch": lanes[0] if lanes else None}
        changed = self.document.insert(root.action.json, at=root.at, **place)
        self._store(changed, note)
        self._forget()
        return MergedDocument(changed)

    @transaction.atomic
    def undo(self) -> RevisionStep | None:
        """Takes back what the person did last. Returns it, or None. Raises Conflict and NotTakenBack."""
        if self.shown_revision is None:
            raise Conflict(self.flow.current)
        step = self.history.to_undo(self.request.user.pk, self.base)
        if step is not None and step.pk == self.flow.current.pk:
            self.flow.undo(base=step.number)
        elif step is not None:
            self._take_back(step)
        if step is not None:
            record_step(self.request, self.flow, f"undid r{step.number} of")
        self._forget()
        return step

    @transaction.atomic
    def redo(self) -> RevisionStep | None:
        """Does again what the person has undone last. Returns it, or None. Raises Conflict and NotTakenBack."""
        if self.shown_revision is None:
            raise Conflict(self.flow.current)
        current = self.flow.current
        step = self.history.to_redo(self.request.user.pk)
        if step is not None and step.parent == current.pk:
            self.flow.redo(base=current.number)
        elif step is not None and step.pk == current.pk:
            self.flow.undo(base=step.number)
        elif step is not None:
            self._take_back(step)
        if step is not None:
            record_step(self.request, self.flow, f"did r{step.number} again in")
        self._forget()
        return step

    def _take_back(self, step: RevisionStep) -> None:
        """A new revision without what the step changed, and with everything that came after it."""
        revisions = self.flow.revisions.in_bulk([step.pk, step.parent])
        merged = merge(revisions[step.pk].parsed(), revisions[step.parent or 0].parsed(), self.document)
        if merged.collisions:
            raise NotTakenBack(merged.collisions, step.number)
        current = self.flow.current.number
        note = f"Undo of r{step.number}"
        self.flow.commit(merged.document, by=self.request.user, base=current, note=note, takes_back=step.pk)

    def flows_to_run(self) -> list[tuple[str, str]]:
        """Slug and name of the flows that an action can run."""
        found = Flow.objects.in_designer().order_by("name", "slug").values_list("slug", "name")
        return [(slug, name) for slug, name in found[:MOST_FLOWS]]

    def inputs_of(self, slug: str) -> Sequence[Input] | None:
        """The inputs of a flow as others run it; None when there is no such one, or its document cannot be read."""
        flow = Flow.objects.by_slug({slug}).get(slug)
        try:
            return flow.called_revision.parsed().inputs if flow else None
        except DocumentError:
            return None

    def read_again(self) -> None:
        """Takes up the flow as it is stored now."""
        self.flow = find_flow(self.request, self.flow.slug)
        self._contexts.clear()
        self._forget()

    def _forget(self) -> None:
        for name in ("problems", "history", "shown_run", "card_runs", "_pins", "_stored_pins"):
            self.__dict__.pop(name, None)
