"""Icons, form fields and figures, the same on every page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import get_script_prefix
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone_name

from foundryflow.names import name_of

register = template.Library()
ESTIMATED = "≈ "  # before tokens that no service counted


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """A shape of the sprite; decoration, its words stand beside it."""
    return shape(name, size, get_script_prefix())


@lru_cache(maxsize=1_000)
def shape(name: str, size: int, prefix: str) -> SafeString:
    # A page may show hundreds. The address of the sprite depends on the prefix.
    sprite = static("icons.svg")
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" aria-hidden="true"><use href="{1}#{2}"></use></svg>',
        size,
        sprite,
        name,
    )


@register.inclusion_tag("_field.html")
def field(bound: Any) -> dict[str, Any]:
    """Label, control, error and hint of a form field."""
    described = [f"{bound.id_for_label}-error"] * bool(bound.errors) + [f"{bound.id_for_label}-hint"] * bool(
        bound.help_text
    )
    attributes = {"class": "toggle" if bound.widget_type == "checkbox" else "input"}
    if described:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    return {"field": bound, "control": bound.as_widget(attrs=attributes)}


@register.filter
def duration_ms(milliseconds: float | None) -> str:
    """0.42 s below a minute, 1:32 above; milliseconds below a hundred."""
    if not isinstance(milliseconds, int | float):
        return ""
    if milliseconds < 100:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 10:
        return f"{seconds:.2f} s"
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)}:{int(seconds % 60):02}"


@register.filter
def thousands(number: int | str | None) -> str:
    """1,234; nothing for what is not known."""
    return f"{number:,}" if isinstance(number, int) else ""


@register.filter
def token_count(usage: Any, name: str = "total_tokens") -> str:
    """1,234 of a usage, with a mark where tokens of it are estimated; nothing for what is not known."""
    told = usage.get if isinstance(usage, Mapping) else partial(getattr, usage)
    count = thousands(told(name, None))
    return f"{ESTIMATED}{count}" if count and told("estimated_tokens", None) else count


@register.filter
def begins(text: str, start: str) -> bool:
    return text.startswith(start)


@register.filter
def name(user: Any) -> str:
    return name_of(user)


@register.simple_tag
def time_zone() -> str:
    """That of all times on the pages."""
    return get_current_timezone_name()


@register.filter
def initials(user: Any) -> str:
    words = (user.get_full_name() or user.get_username()).replace("@", " ").split()
    return "".join(word[0] for word in words[:2]).upper()


@register.filter
def pretty(value: Any) -> str:
    """JSON for people; text stays as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def day(at: datetime | None) -> str:
    """3 Nov of this year, else with the year."""
    if at is None:
        return ""
    here, this_year = timezone.localtime(at), timezone.localtime().year
    return f"{here.day} {here:%b}" if here.year == this_year else f"{here.day} {here:%b} {here.year}"


@register.filter
def time_or_day(at: datetime | None) -> str:
    """14:03 of today, else the day."""
    if at is None:
        return ""
    here = timezone.localtime(at)
    return f"{here:%H:%M}" if here.date() == timezone.localdate() else day(at)


@register.filter
def moment(at: datetime | None) -> str:
    """14:03 of today, Yesterday 14:03, 26 Nov 14:03 of this year, else with the year and without the time."""
    if at is None:
        return ""
    here, now = timezone.localtime(at), timezone.localtime()
    days = (now.date() - here.date()).days
    if days in (0, 1):
        return f"{'Yesterday ' if days else ''}{here:%H:%M}"
    return f"{day(at)} {here:%H:%M}" if here.year == now.year else day(at)
