"""What content filters report, in answers and in errors -> FilterResult."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.foundry.values import FilterResult


def filter_results(source: str, results: Any) -> tuple[FilterResult, ...]:
    """From {"violence": {"filtered": true, "severity": "medium"}, ...}.

    A filter that is down reports {"error": ...} beside unfiltered text: that is no finding.
    """
    found = results.items() if isinstance(results, Mapping) else ()
    return tuple(
        FilterResult(source, str(category), result.get("filtered") is True, text_or_none(result.get("severity")))
        for category, result in found
        if isinstance(result, Mapping) and category != "error"
    )


def text_or_none(value: Any) -> str | None:
    """The value when it is a text with something in it."""
    return value if isinstance(value, str) and value else None
