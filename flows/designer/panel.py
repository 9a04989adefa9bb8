"""The property panel of one action, with what is stored or with what somebody has typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from connections.foundry.lessons import unsent_fields
from connections.foundry.routes import absent_fields
from connections.lesson_memory import as_lesson, day_learned
from connections.models import Connection, LearntLesson
from flows.actions import registry
from flows.designer.conflict import FieldConflict, RemovedElsewhere
from flows.designer.edits import CommonForm, apply_panel, branch_errors, branch_fields, property_form, secret_errors
from flows.designer.fields import CONDITION_INSERT, Insert, PanelContext
from flows.designer.in_place.resolved_values import ResolvedValue, resolved_values
from flows.designer.open_flow import OpenFlow
from flows.designer.property_form import PropertyForm
from flows.flowchart.chart import InsertPlace, TypeView, has_conditions, type_view
from flows.interpreter.tries import TRANSIENT
from flows.language.document import Document
from flows.language.nodes import Action, place_of
from flows.language.scope import VariableInScope
from flows.lint import linter
from flows.models import Flow
from flows.properties.base import EMPTY
from flows.properties.declarations import DeclarationsProperty

RETRY_NUMBERS = {  # label and hint of each
    "attempts": (
        "Tries in all",
        "1 to 10. One when empty: the connection's own retry of busy services is apart from this.",
    ),
    "delay": ("Delay", "Seconds before the second try; 1 when empty."),
    "backoff": ("Backoff", "The delay grows by this factor; 2 when empty."),
    "timeout": ("Timeout", "Seconds that one try may take. No limit of its own when empty."),
}


@dataclass(frozen=True)
class RetryNumber:
    """A number of retry and timeout, as its control shows it."""

    name: str
    label: str
    hint: str
    value: Any
    error: str


@dataclass
class BranchField:
    """One branch of an If, as its panel edits it."""

    id: str
    title: str
    condition: str
    is_otherwise: bool = False  # when it has no condition

    @property
    def empty_words(self) -> str:
        """What it means that no condition is typed."""
        return "otherwise: runs when no other holds" if self.is_otherwise else "such as score > 3"

    @property
    def condition_name(self) -> str:
        """As the form and lint call it."""
        return f"branch-{self.id}-condition"


@dataclass
class CommonValues:
    """What every action has beside its properties, as its panel shows it."""

    title: str
    description: str
    disabled: bool
    branches: list[BranchField]  # that are titled and chosen by condition
    retry: Mapping[str, Any]  # the four numbers of retry and timeout, and `retry_on`, kinds of errors


def stored_values(action: Action) -> CommonValues:
    branches = action.branches if has_conditions(action.type) else ()
    last = branches[-1].id if branches else ""
    return CommonValues(
        title=action.title or "",
        description=action.description or "",
        disabled=action.disabled,
        branches=[
            BranchField(branch.id, branch.title or "", branch.condition or "", branch.id == last) for branch in branches
        ],
        retry=stored_retry(action),
    )


def stored_retry(action: Action) -> dict[str, Any]:
    retry = action.retry
    timeout = {"timeout": shortest(action.timeout)}
    if retry is None:
        return timeout
    delay, backoff = shortest(retry.delay), shortest(retry.backoff)
    return {**timeout, "attempts": retry.attempts, "delay": delay, "backoff": backoff, "retry_on": retry.on}


def shortest(number: float | None) -> float | None:
    """The number as people type it: 77 for 77.0."""
    return int(number) if number is not None and number.is_integer() else number


def typed_values(action: Action, data: QueryDict) -> CommonValues:
    """What was posted, exactly as it was typed; what the panel did not post is as it is stored."""
    values = stored_values(action)
    values.title, values.description = data.get("title", ""), data.get("description", "")
    values.disabled = bool(data.get("disabled"))
    if "retry-shown" in data:
        numbers = {name: data.get(name, "") for name in RETRY_NUMBERS}
        values.retry = {**numbers, "retry_on": data.getlist("retry_on")}
    for branch in values.branches:
        branch.title, branch.condition = branch_fields(branch.id, data) or (branch.title, branch.condition)
    return values


class PostedPanel:
    """What somebody has posted from the panel of an action."""

    def __init__(self, action: Action, context: PanelContext, data: QueryDict) -> None:
        self.action, self.data = action, data
        self.form, self.common = property_form(action, context, data), CommonForm(data)
        self.errors: dict[str, str] = {
            **branch_errors(action, data),
            **first_messages(self.form),
            **first_messages(self.common),
        }

    def edit(self, document: Document) -> Document | None:
        """The document with what was posted put in; None when something is wrong, which `errors` then says."""
        if self.errors:
            return None
        changed = apply_panel(document, self.action, self.form, self.common, self.data)
        self.errors = secret_errors(changed, self.action.id)
        return None if self.errors else changed

    @property
    def title(self) -> str:
        return self.common.cleaned_data["title"] or self.action.id


def first_messages(form: forms.Form | None) -> dict[str, str]:
    """For each wrong field of a form the first sentence about it."""
    return {name: str(found[0]) for name, found in form.errors.items()} if form is not None else {}


@dataclass
class Panel:
    """Everything that the panel of one action shows."""

    opened: OpenFlow
    action: Action
    form: PropertyForm | None  # None for a type that is not installed
    values: CommonValues
    errors: Mapping[str, str] = field(default_factory=dict)  # by field, about what was typed
    conflicts: Mapping[str, Sequence[FieldConflict]] = field(default_factory=dict)  # by field
    removed: RemovedElsewhere | None = None  # the action is not in the flow any more

    @property
    def base(self) -> int:
        """The revision that the panel is an edit of."""
        return self.opened.base if self.removed else self.flow.current.number

    @property
    def flow(self) -> Flow:
        return self.opened.flow

    @property
    def can_edit(self) -> bool:
        return self.opened.can_edit and not self.opened.is_live

    @property
    def view(self) -> TypeView:
        return type_view(self.action.type)

    @property
    def help(self) -> SafeString:
        return help_of(self.action.type)

    @property
    def paste_label(self) -> str:
        """What text can be turned into the properties; empty where none can."""
        known = registry.find_type(self.action.type)
        return known.takes_paste_of if known else ""

    @property
    def connections(self) -> Sequence[Connection]:
        return self.opened.connections

    @property
    def variables(self) -> Sequence[VariableInScope]:
        return self.opened.panel_context(self.action.id).variables

    @property
    def declaring_type(self) -> str:
        """The action type that declares variables."""
        kinds = {known.type: registry.properties_of_type(known.type).values() for known in registry.all_types()}
        return next(type for type, found in kinds.items() if any(isinstance(e, DeclarationsProperty) for e in found))

    @property
    def place_above(self) -> InsertPlace:
        """Where an action goes that is to stand in front of this one."""
        located = self.opened.document.locate(self.action.id)
        owner, branch = place_of(located)
        return InsertPlace(owner or "", branch or "", located.at)

    @property
    def condition_insert(self) -> Insert:
        """How variables are inserted into the conditions of branches."""
        return CONDITION_INSERT

    @property
    def connection_variables(self) -> list[VariableInScope]:
        return [variable for variable in self.variables if variable.type == "connection"]

    @cached_property
    def problems(self) -> Mapping[str, linter.Problem]:
        """What lint says of the stored action, by property."""
        return self.opened.problems.of_action(self.action.id)

    @cached_property
    def resolved_values(self) -> Mapping[str, ResolvedValue]:
        """What its templates became in the run that is shown, by property."""
        shown = self.opened.shown_run
        if shown is None:
            return {}
        return resolved_values(self.action.properties, shown.properties_of(self.action.id), shown.run.pk)

    @cached_property
    def why_not_sent(self) -> Mapping[str, str]:
        """Properties that are not sent as they are typed, and why."""
        return why_not_sent(self.action, self.connections)

    @property
    def has_retry(self) -> bool:
        """Whether another try can change anything. What is stored is shown in any case."""
        known = registry.find_type(self.action.type)
        is_stored = any(value not in (None, "") for value in self.values.retry.values())
        return not self.action.branches and (is_stored or not (known and known.leaves_block))

    @property
    def kinds(self) -> list[tuple[str, bool]]:
        """Kinds of errors a retry may be for, and whether it is."""
        return [(kind, kind in (self.values.retry.get("retry_on") or ())) for kind in TRANSIENT]

    @property
    def retry_numbers(self) -> list[RetryNumber]:
        return [self._retry_number(name) for name in RETRY_NUMBERS if name != "timeout"]

    @property
    def timeout_number(self) -> RetryNumber:
        return self._retry_number("timeout")

    @property
    def retry_summary(self) -> str:
        """Retry and timeout in a few words, for the folded section."""
        attempts, timeout = self.values.retry.get("attempts"), self.values.retry.get("timeout")
        words = [f"up to {attempts} tries"] if attempts else []
        if timeout and "timeout" not in self.errors:
            words.append(f"{timeout} s" if isinstance(timeout, str) else f"{timeout:g} s")
        return ", ".join(words)

    @property
    def opens_retry(self) -> bool:
        return any(name in self.errors or name in self.conflicts for name in RETRY_NUMBERS)

    @property
    def fields(self) -> list[Any]:
        return self._fields(advanced=False)

    @property
    def advanced(self) -> list[Any]:
        return self._fields(advanced=True)

    @property
    def advanced_set(self) -> int:
        """How many of them a person has set: a default that a new action has written down is none of these."""
        declared, stored = self.form.declared if self.form else {}, self.action.properties
        advanced = [name for name, property in declared.items() if property.advanced]
        return sum(1 for name in advanced if stored.get(name) not in (*EMPTY, declared[name].default))

    @property
    def opens_advanced(self) -> bool:
        noted = {*self.form.errors, *self.conflicts} if self.form else ()
        return bool(self.form and any(name in noted for name in self.form.advanced))

    @property
    def result(self) -> Any:
        """The field that names the result variable."""
        return self.form[self.form.output] if self.form and self.form.output else None

    @property
    def message_names(self) -> list[str]:
        """The fields under which a message can stand."""
        names = [name for name, _ in self.form.property_fields()] if self.form else []
        conditions = [branch.condition_name for branch in self.values.branches]
        return ["title", "description", *names, *conditions, *(RETRY_NUMBERS if self.has_retry else ())]

    @property
    def overridable(self) -> list[Any]:
        """The fields that another one can take the place of."""
        found = self.form.property_fields() if self.form else ()
        return [self.form[name] for name, field in found if field.property.overridden_by] if self.form else []

    def _retry_number(self, name: str) -> RetryNumber:
        value, error = self.values.retry.get(name), self.errors.get(name, "")
        return RetryNumber(name, *RETRY_NUMBERS[name], value, error)

    def _fields(self, *, advanced: bool) -> list[Any]:
        if self.form is None:
            return []
        names = [name for name, _ in self.form.property_fields() if name != self.form.output]
        return [self.form[name] for name in names if (name in self.form.advanced) == advanced]


def stored_panel(opened: OpenFlow, action: Action) -> Panel:
    form = property_form(action, opened.panel_context(action.id))
    return Panel(opened, action, form, stored_values(action))


def typed_panel(opened: OpenFlow, posted: PostedPanel, action: Action, form: PropertyForm | None) -> Panel:
    """The panel of an edit that was not saved, with everything that was typed.

    `action` and `form` hold the typed properties: the posted form where something is wrong, else the edited action.
    """
    return Panel(opened, action, form, typed_values(action, posted.data), posted.errors)


@cache
def help_of(type: str) -> SafeString:
    try:
        text = (Path(registry.folder(type)) / "help.md").read_text()
    except (registry.UnknownAction, OSError):
        return SafeString("")
    html: str = MarkdownIt("js-default").render(text)
    return mark_safe(html)  # noqa: S308 - a file of ours, HTML in it off


def why_not_sent(action: Action, connections: Sequence[Connection]) -> dict[str, str]:
    """Properties that are not sent as they are typed, because the deployment was seen to refuse them, and why."""
    name, model = action.properties.get("connection"), action.properties.get("model")
    connection = next((connection for connection in connections if connection.name == name), None)
    if connection is None or not isinstance(model, str) or action.properties.get("dynamic_connection"):
        return {}
    lessons = [as_lesson(row) for row in LearntLesson.objects.filter(endpoint=connection.endpoint, model=model.strip())]
    endpoint = connection.parsed
    absent = absent_fields(endpoint, lessons) if endpoint else {}
    return absent | {
        field: f"{model.strip()} refuses it (learned {day_learned(lesson)}), so it is not sent as typed. "
        f"The page of the connection {name} shows what it said, and can forget it."
        for field, lesson in unsent_fields(lessons).items()
    }
