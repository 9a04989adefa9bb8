"""What one press in the designer changes: from the posted fields to a new document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.actions import registry
from flows.designer.fields import PanelContext
from flows.designer.property_form import PropertyForm
from flows.designer.typed_text import check_condition
from flows.interpreter.tries import TRANSIENT
from flows.language.document import Document
from flows.language.nodes import Action
from flows.lint.literal_secrets import refusals
from flows.models import Flow
from flows.properties.base import properties_of

TITLE_LENGTH, DESCRIPTION_LENGTH = 200, 2_000


def new_action(document: Document, type: str) -> dict[str, Any]:
    """An action of this type as it is first put into a flow."""
    known = registry.action_type(type)
    id = document.new_id(type)
    made: dict[str, Any] = {"id": id, "type": type, "title": "", "properties": registry.initial_properties(type)}
    if known.new_branches:
        made["branches"] = [branch.to_json(id) for branch in known.new_branches]
    return made


def property_form(action: Action, around: PanelContext, data: Mapping[str, Any] | None = None) -> PropertyForm | None:
    """The properties of the action as the panel edits them; nothing for an action type that is not installed here."""
    known = registry.find_type(action.type)
    if known is None:
        return None
    return PropertyForm(properties_of(known.properties), data, stored=action.properties, context=around)


class CommonForm(forms.Form):
    """What every action has."""

    title = forms.CharField(max_length=TITLE_LENGTH, required=False)
    description = forms.CharField(max_length=DESCRIPTION_LENGTH, required=False)
    disabled = forms.BooleanField(required=False)
    attempts = forms.IntegerField(min_value=1, max_value=10, required=False)
    delay = forms.FloatField(min_value=0, max_value=3_600, required=False)
    backoff = forms.FloatField(min_value=1, max_value=10, required=False)
    retry_on = forms.MultipleChoiceField(choices=[(kind, kind) for kind in TRANSIENT], required=False)
    timeout = forms.FloatField(min_value=0.1, max_value=86_400, required=False)

    def retry(self, stored: Mapping[str, Any]) -> dict[str, Any] | None:
        """As it goes into the document; nothing when one try is all."""
        cleaned = self.cleaned_data
        if not cleaned["attempts"] or cleaned["attempts"] == 1:
            return None
        typed = {name: cleaned[name] for name in ("attempts", "delay", "backoff")} | {"on": cleaned["retry_on"]}
        # What was absent and is still empty stays absent, so that an export equals its import.
        return {**stored, **{name: value for name, value in typed.items() if name in stored or value not in (None, [])}}


def apply_panel(
    document: Document, action: Action, form: PropertyForm | None, common: CommonForm, data: Mapping[str, Any]
) -> Document:
    """The document with the panel's fields put into the action. All forms are valid."""
    changed = document
    if form is not None:
        changed = changed.with_properties(action.id, form.properties())
    cleaned = common.cleaned_data
    changes = {
        name: cleaned[name]
        for name in ("title", "description", "disabled")
        if cleaned[name] != (getattr(action, name) or type(cleaned[name])())
    }
    if "retry-shown" in data:
        changes.update(changed_tries(action, common))
    if changes:
        changed = changed.with_action(action.id, **changes)
    for branch in action.branches:
        fields = branch_fields(branch.id, data)
        if fields is not None and fields != (branch.title or "", branch.condition or ""):
            changed = changed.with_branch(branch.id, title=fields[0], condition=fields[1] or None, owner=action.id)
    return changed


def changed_tries(action: Action, common: CommonForm) -> dict[str, Any]:
    stored = action.json.get("retry") or {}
    typed = {"retry": common.retry(stored), "timeout": common.cleaned_data["timeout"]}
    return {name: value for name, value in typed.items() if value != action.json.get(name)}


def branch_fields(branch_id: str, data: Mapping[str, Any]) -> tuple[str, str] | None:
    """Title and condition as posted; None when the panel did not post them."""
    if f"branch-{branch_id}-title" not in data:
        return None
    title = data.get(f"branch-{branch_id}-title", "")[:TITLE_LENGTH].strip()
    return title, data.get(f"branch-{branch_id}-condition", "").strip()


def secret_errors(document: Document, action_id: str) -> dict[str, str]:
    """Properties of the action in which a literal secret is mixed with a template, in sentences."""
    found = refusals(document, Flow.objects.secret_inputs)
    return {place.property: sentence for place, sentence in found if place.action_id == action_id}


def branch_errors(action: Action, data: Mapping[str, Any]) -> dict[str, str]:
    errors = {}
    for branch in action.branches:
        fields = branch_fields(branch.id, data)
        if not fields or not fields[1]:
            continue
        try:
            check_condition(fields[1])
        except ValidationError as error:
            errors[f"branch-{branch.id}-condition"] = str(error.message)
    return errors
