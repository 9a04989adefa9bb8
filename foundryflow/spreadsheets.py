"""Text that goes into a file for spreadsheets."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a formula of a cell


def harmless(text: str) -> str:
    """With an apostrophe before what a spreadsheet would calculate."""
    return f"'{text}" if text.startswith(FORMULA) else text
