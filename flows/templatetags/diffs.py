"""Prompts with what differs in them marked, and with their expressions as chips. Made in Python: a template could break
their lines, and each break shows."""

from __future__ import annotations

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from foundryflow.text_diff import DiffKind, DiffLine, DiffPiece

CHIP = re.compile(r"\{\{\s*([^{}\n]*?)\s*\}\}")  # as in BRACES
register = template.Library()


@register.filter
def prompt_words(line: DiffLine) -> SafeString:
    """A line of a prompt: words that came or went in `ins` and `del`, expressions as chips."""
    return mark_safe("".join(map(marked, line.pieces)))  # noqa: S308 - each is escaped


@register.filter
def with_chips(text: str) -> SafeString:
    """A text with its expressions as chips."""
    return mark_safe(CHIP.sub(r'<code class="chip">\1</code>', escape(text)))  # noqa: S308 - it is escaped before


def marked(piece: DiffPiece) -> str:
    """Escaped; the space behind what changed is not marked."""
    if piece.kind is DiffKind.SAME:
        return with_chips(piece.text)
    words = piece.text.rstrip() or piece.text
    element = "ins" if piece.kind is DiffKind.ADDED else "del"
    return f"<{element}>{with_chips(words)}</{element}>{escape(piece.text[len(words) :])}"
