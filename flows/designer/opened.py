"""A flow that somebody has open in the designer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from connections.models import Connection
from flows.access import find_flow
from flows.designer.fields import PanelContext
from flows.engine import configuration
from flows.flowchart.chart import type_view
from flows.language.document import Document
from flows.lint import linter
from flows.lint.untouched import open_problems
from flows.models import Flow
from foundryflow.http import Request, whole_number


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
    titles: Mapping[str, str]  # of actions, by id
    open: Collection[linter.Problem] = ()  # at what is still to be filled in: they count, but nothing is red for them

    @property
    def rows(self) -> list[ProblemRow]:
        return [
            ProblemRow(found, self.titles.get(found.action_id or "", "Flow"), found in self.open)
            for found in self.problems
        ]

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
        return self.request.user.is_staff

    @property
    def base(self) -> int:
        """The number of the revision on which the person made the posted edit; 0 when none was named."""
        return whole_number(self.request.POST.get("base")) or 0

    @cached_property
    def connections(self) -> list[Connection]:
        return list(Connection.objects.only("name", "kind", "endpoint", "auth").order_by("name"))

    @cached_property
    def problems(self) -> ProblemList:
        document = self.document
        titles = {a.action.id: a.action.title or type_view(a.action.type).title for a in document.walk()}
        found = configuration.problems_of(document, self.flow, self.connections)
        return ProblemList(found, titles, open_problems(document, found, self.new_action))

    def panel_context(self, action_id: str) -> PanelContext:
        """What the form of an action is told. An edit of the action itself does not change it."""
        if action_id not in self._contexts:
            variables = linter.variables_at(self.document, action_id)
            names = [connection.name for connection in self.connections]
            self._contexts[action_id] = PanelContext(variables, names, settings.ENVIRONMENT_SECRETS)
        return self._contexts[action_id]

    def commit(self, changed: Document, *, note: str) -> None:
        """Makes `changed` the current revision, unless it changes nothing. Raises Conflict."""
        if changed != self.document or self.base != self.flow.current.number:
            self.flow.commit(changed, by=self.request.user, base=self.base, note=note[:200])
            self._forget_problems()

    def read_again(self) -> None:
        """Takes up the flow as it is stored now."""
        self.flow = find_flow(self.request, self.flow.slug)
        self._contexts.clear()
        self._forget_problems()

    def _forget_problems(self) -> None:
        self.__dict__.pop("problems", None)
