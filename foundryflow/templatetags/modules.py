"""Scripts that are ES modules."""

from __future__ import annotations

from functools import cache
from typing import cast

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from foundryflow.static_files import HashedFiles

register = template.Library()


@register.simple_tag
def modules(*names: str) -> SafeString:
    """Loads scripts, and at the same time all that they import, which a browser would find out one after the other."""
    preloads = format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', ((static(name),) for name in imports_of(names))
    )
    scripts = format_html_join("\n", '<script type="module" src="{}"></script>', ((static(name),) for name in names))
    return scripts + preloads


@cache
def imports_of(names: tuple[str, ...]) -> tuple[str, ...]:
    return cast(HashedFiles, staticfiles_storage).imports_of(names)
