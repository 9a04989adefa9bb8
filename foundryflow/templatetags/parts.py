"""Parts of a page that look the same whenever the same values are given to them: rendered once, then remembered."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any

from django import template
from django.template.base import Template
from django.template.context import Context
from django.urls import get_script_prefix
from django.utils.safestring import SafeString

register = template.Library()

MOST = 8_192  # parts that are remembered, of a kilobyte or two


@register.simple_tag(takes_context=True)
def part(context: Context, name: str, **values: Hashable) -> SafeString:
    """Includes a template that sees nothing but these values; two that are equal have to look alike."""
    including: Any = context.template
    return rendered_part(including.engine.get_template(name), get_script_prefix(), tuple(values.items()))


@lru_cache(maxsize=MOST)
def rendered_part(found: Template, prefix: str, values: tuple[tuple[str, Hashable], ...]) -> SafeString:
    # Addresses depend on the prefix. A template that has changed is another object.
    return found.render(Context(dict(values)))
