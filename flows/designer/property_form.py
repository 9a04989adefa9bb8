"""The form of a property panel: a field for each property of an action."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from flows.designer import chosen_fields as chosen_fields  # which makes its kinds known
from flows.designer import code_fields as code_fields
from flows.designer import row_fields as row_fields
from flows.designer import schema_field as schema_field
from flows.designer.fields import FIELDS, PanelContext, PropertyField, SecretPropertyField
from flows.language.stored_secrets import is_stored
from flows.properties.base import EMPTY, Property


def make_field(property: Property, stored: Any) -> PropertyField:
    """The field for a property that has this value now; a secret is never shown, whatever its kind."""
    if property.is_write_only(stored):
        return SecretPropertyField(property)
    return next(FIELDS[kind] for kind in type(property).__mro__ if kind in FIELDS)(property)


class PropertyForm(forms.Form):
    """The properties of one action."""

    def __init__(
        self,
        declared: Mapping[str, Property],
        data: Mapping[str, Any] | None = None,
        *,
        stored: Mapping[str, Any],
        context: PanelContext | None = None,
    ) -> None:
        self.declared, self.stored = declared, stored
        # Not `context`: in a template a field of that name would come first.
        self.panel_context = context or PanelContext()
        super().__init__(data, auto_id="property-%s")
        for name, property in declared.items():
            field = make_field(property, stored.get(name))
            self.fields[name], self.initial[name] = field, field.control_value(stored.get(name))

    def property_fields(self) -> Iterator[tuple[str, PropertyField]]:
        return ((name, field) for name, field in self.fields.items() if isinstance(field, PropertyField))

    @property
    def advanced(self) -> list[str]:
        """Names of the properties that are folded away."""
        return [name for name, property in self.declared.items() if property.advanced]

    @property
    def output(self) -> str:
        """The property that names the result variable; empty when there is none."""
        return next((name for name, property in self.declared.items() if property.is_result), "")

    def clean(self) -> dict[str, Any]:
        super().clean()
        given = [(name, field) for name, field in self.property_fields() if name in self.cleaned_data]
        return {name: field.fit(name, self.cleaned_data[name], self) for name, field in given}

    def properties(self) -> dict[str, Any]:
        """The stored properties with what was typed put in; empty ones are left out, unknown ones stay."""
        merged = dict(self.stored)
        for name in self.declared:
            value = self.cleaned_data[name]
            if value in EMPTY and not isinstance(value, bool):
                drop_unless_kept(merged, name)
            elif not is_same(value, merged.get(name)):
                merged[name] = value
        return merged


def drop_unless_kept(stored: dict[str, Any], name: str) -> None:
    # A property that was stored as null or empty means the same; leaving it makes an export equal to its import.
    # A stored secret is kept while its field is blank: it is write-only.
    if name in stored and stored[name] not in EMPTY and not is_stored(stored[name]):
        del stored[name]


def is_same(value: Any, stored: Any) -> bool:
    return type(value) is type(stored) and bool(value == stored)
