"""Small helpers of the property panel's templates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django import template

from connections.models import Connection
from flows.language.condition_rows import COMPARISONS, Comparison, ConditionRows, rows_of
from flows.language.stored_secrets import is_stored

register = template.Library()


@register.filter
def entry(mapping: Mapping[str, Any] | None, key: str) -> Any:
    """The value under a key that is known only when the page is rendered."""
    return mapping.get(key, "") if mapping else ""


@register.filter
def stored_key(value: Any) -> str:
    """The key of a stored secret; nothing for other values."""
    return str(value["secret"]) if is_stored(value) else ""


@register.filter
def template_only(value: Any) -> str:
    """A secret property as its field may show it: an expression, never a literal."""
    return value if isinstance(value, str) and "{{" in value else ""


@register.filter
def of_kinds(connections: Iterable[Connection], kinds: Collection[str]) -> list[Connection]:
    """The connections that a property takes."""
    return [connection for connection in connections if connection.kind in kinds]


@register.filter
def names(named: Iterable[Any]) -> list[str]:
    """Of connections or variables."""
    return [each.name for each in named]


@register.filter
def control(field: Any) -> Any:
    """What the control of a property shows beside its value."""
    return field.field.control(field)


@register.filter
def is_needed(field: Any, panel: Any) -> bool:
    """Whether a run stops without it: nothing takes its place."""
    property = field.field.property
    return bool(property.required and not property.is_overridden_in(panel.action.properties))


@register.filter
def words_instead(field: Any, panel: Any) -> str:
    """What is used instead of the property; nothing while it is used itself."""
    property, stored = field.field.property, panel.action.properties
    if not property.is_overridden_in(stored):
        return ""
    other = panel.form.declared[property.overridden_by]
    words: str = other.words_instead(stored[property.overridden_by])
    return words


@register.filter
def as_rows(expression: Any) -> ConditionRows | None:
    """A condition as rows; None where it has to be shown as an expression."""
    return rows_of(expression if isinstance(expression, str) else "" if expression is None else str(expression))


@register.simple_tag
def comparisons() -> Sequence[Comparison]:
    """What rows of conditions offer."""
    return COMPARISONS
