"""The flows that keys are limited to, as pages and commands name them."""

from __future__ import annotations

from collections.abc import Iterable

from flows.models import Flow
from foundryflow.models import ApiKey


def flows_by_id(keys: Iterable[ApiKey]) -> dict[int, Flow]:
    """Those that there still are."""
    ids = {pk for key in keys for pk in key.flow_ids or ()}
    return Flow.objects.in_designer().defer("head").in_bulk(ids) if ids else {}


def limit_words(key: ApiKey, flows: dict[int, Flow]) -> str:
    """All flows, 2 flows, or that none is left."""
    if key.flow_ids is None:
        return "All flows"
    left = sum(pk in flows for pk in key.flow_ids)
    return f"{left} flow{'' if left == 1 else 's'}" if left else "No flow is left"
