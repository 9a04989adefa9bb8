"""Toolbox, property panel and problems: what their templates show, computed before they are rendered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from connections.foundry.lessons import Lesson, unsent_fields
from connections.lesson_memory import as_lesson
from connections.models import Connection, LearntLesson
from flows.actions import registry
from flows.actions.base import Group
from flows.actions.properties import EMPTY, PropertyForm, Surroundings
from flows.engine import configuration
from flows.flowchart.chart import GROUPS, TypeView, type_view
from flows.interpreter.retry import TRANSIENT
from flows.language.document import Action, Document
from flows.language.scope import VariableInScope
from flows.lint import linter
from flows.models import Flow, Revision


@cache
def toolbox() -> list[tuple[str, list[TypeView]]]:
    """Action types by group, in the order of the design."""
    by_group: dict[Group, list[TypeView]] = defaultdict(list)
    for known in registry.all_types():
        by_group[known.group].append(type_view(known.type))
    return [(title, by_group[group]) for group, title in GROUPS.items() if by_group[group]]


@dataclass
class BranchField:
    """One branch of an If, as its panel edits it."""

    id: str
    title: str
    condition: str
    error: str = ""


@dataclass
class Panel:
    """The property panel of one action."""

    flow: Flow
    revision: Revision
    action: Action
    view: TypeView
    form: PropertyForm | None
    variables: Sequence[VariableInScope]
    connections: Sequence[Connection]
    help: SafeString
    branches: list[BranchField] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    problems: Mapping[str, linter.Problem] = field(default_factory=dict)  # by property
    unsent: Mapping[str, str] = field(default_factory=dict)  # properties that the deployment refuses, and why
    conflict: Conflicting | None = None
    title: str = ""
    description: str = ""
    disabled: bool = False
    can_edit: bool = True
    tries: Mapping[str, Any] = field(default_factory=dict)  # retry and timeout, as stored or as typed

    @property
    def kinds(self) -> list[tuple[str, bool]]:
        """Kinds of errors a retry may be for, and whether it is."""
        return [(kind, kind in (self.tries.get("retry_on") or ())) for kind in TRANSIENT]

    @property
    def tries_said(self) -> str:
        """In a few words, for the folded section."""
        said = [f"up to {self.tries['attempts']} tries"] if self.tries.get("attempts") else []
        timeout = self.tries.get("timeout")
        return ", ".join([*said, f"{timeout:g} s"] if isinstance(timeout, int | float) else said)

    @property
    def fields(self) -> list[Any]:
        return self._fields(advanced=False)

    @property
    def advanced(self) -> list[Any]:
        return self._fields(advanced=True)

    @property
    def advanced_set(self) -> int:
        names = self.form.advanced if self.form else ()
        return sum(1 for name in names if self.action.properties.get(name) not in EMPTY)

    @property
    def result(self) -> Any:
        return self.form[self.form.output] if self.form and self.form.output else None

    @property
    def connection_variables(self) -> list[VariableInScope]:
        return [variable for variable in self.variables if variable.type == "connection"]

    @property
    def opens_advanced(self) -> bool:
        return bool(self.form and any(name in self.form.errors for name in self.form.advanced))

    def _fields(self, *, advanced: bool) -> list[Any]:
        if self.form is None:
            return []
        names = [name for name, _ in self.form.property_fields() if name != self.form.output]
        return [self.form[name] for name in names if (name in self.form.advanced) == advanced]


Difference = tuple[str, str, str]  # label, mine, theirs


@dataclass(frozen=True)
class Conflicting:
    """Somebody committed meanwhile: who, when, and both versions of each property that differs."""

    who: str
    when: Any
    number: int
    selected: str  # the action, or Start
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Problems:
    """The list under the chart."""

    problems: Sequence[linter.Problem]
    titles: Mapping[str, str]

    @property
    def rows(self) -> list[tuple[linter.Problem, str]]:
        return [(problem, self.titles.get(problem.action_id or "", "Flow")) for problem in self.problems]

    def of(self, action_id: str) -> dict[str, linter.Problem]:
        """Those of one action by property; an error goes before a warning."""
        found = sorted(self.problems, key=lambda problem: problem.severity == "error")
        return {problem.property or "": problem for problem in found if problem.action_id == action_id}

    @property
    def errors(self) -> int:
        return sum(1 for problem in self.problems if problem.severity == "error")


def problems_of(document: Document, flow: Flow) -> Problems:
    found = configuration.problems_of(document, flow)
    titles = {a.action.id: a.action.title or type_view(a.action.type).title for a in document.walk()}
    return Problems(found, titles)


@cache
def help_of(type: str) -> SafeString:
    try:
        text = (Path(registry.folder(type)) / "help.md").read_text()
    except (registry.UnknownAction, OSError):
        return SafeString("")
    return mark_safe(MarkdownIt("js-default").render(text))  # noqa: S308 - a file of ours, HTML in it off


def surroundings(document: Document, action_id: str, connections: Sequence[str], **more: Any) -> Surroundings:
    return Surroundings(variables=linter.variables_at(document, action_id), connections=connections, **more)


def unsent(action: Action, connections: Sequence[Connection]) -> dict[str, str]:
    """Properties that are not sent as they are typed, because the deployment was seen to refuse them."""
    name, model = action.properties.get("connection"), action.properties.get("model")
    endpoint = next((connection.endpoint for connection in connections if connection.name == name), None)
    if endpoint is None or not isinstance(model, str) or action.properties.get("dynamic_connection"):
        return {}
    lessons = [as_lesson(row) for row in LearntLesson.objects.filter(endpoint=endpoint, model=model.strip())]
    return {
        field: f"{model.strip()} refuses it (learned {date_of(lesson)}), so it is not sent as typed. "
        f"The page of the connection {name} shows what it said, and can forget it."
        for field, lesson in unsent_fields(lessons).items()
    }


def date_of(lesson: Lesson) -> str:
    return date_format(datetime.fromtimestamp(lesson.learned_at, UTC), "j M")
