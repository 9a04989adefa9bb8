"""What the page of the audit log shows, whole or in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundryflow.audit.menus import audit_menus, period_words
from foundryflow.audit.retention import audit_retention_days
from foundryflow.audit.rows import audit_rows
from foundryflow.audit.search import MOST_COUNTED, MOST_READ, NAMES, AuditCursor, AuditFilters
from foundryflow.filter_menus import Address
from foundryflow.regions import Region


def list_context(params: Mapping[str, str]) -> dict[str, Any]:
    shared = {name: value for part in list_regions(params) for name, value in part.context.items()}
    return {**shared, "words": AuditFilters.of(params).words}


def list_regions(params: Mapping[str, str]) -> list[Region]:
    """What filters change: the menus, the link to the file, and the entries."""
    address, filters = Address(params, NAMES), AuditFilters.of(params)
    is_filtered = any(params.get(name) for name in NAMES)
    menus = audit_menus(address)
    page = filters.page(AuditCursor.parse(params.get("before", "")))
    chosen = {"menus": menus, "kept": address.kept("q"), "set_filters": sum(bool(menu.label) for menu in menus)}
    found = {
        "rows": audit_rows(page.entries),
        "page": page,
        "older": address.query(before=str(page.older)) if page.older else "",
        "newest": address.query() if params.get("before") else "",
        "count": filters.count(),
        "shown": len(page.entries) if page.older and page.entries and not params.get("before") else 0,
        "most_counted": MOST_COUNTED,
        "most_read": MOST_READ,
        "is_sampled": bool(filters.rest),
        "period": period_words(address),
        "retention_days": audit_retention_days(),
    }
    return [
        Region("audit/_filters.html", "audit-filters", {**chosen, "is_filtered": is_filtered}),
        Region("audit/_actions.html", "audit-actions", {"query": address.query()}),
        Region("audit/_found.html", "audit-found", {**found, "is_filtered": is_filtered}),
    ]
