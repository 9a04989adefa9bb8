"""Small helpers of the property panel's templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from flows.actions.properties import Variables, is_stored_secret

register = template.Library()


@register.filter
def entry(mapping: Mapping[str, Any] | None, key: str) -> Any:
    """The value under a key that is known only when the page is rendered."""
    return mapping.get(key, "") if mapping else ""


@register.filter
def is_stored(value: Any) -> bool:
    return is_stored_secret(value)


@register.filter
def template_only(value: Any) -> str:
    """A secret property as its field may show it: an expression, never a literal."""
    return value if isinstance(value, str) and "{{" in value else ""


@register.filter
def rows(field: Any) -> list[dict[str, Any]]:
    """The rows of a list of variables, with an empty one at the end."""
    declared: Variables = field.field
    typed = [declared.row(row) if field.form.is_bound else row for row in field.value() or []]
    return [*(row for row in typed if row["name"] or row["value"]), declared.row({})]
