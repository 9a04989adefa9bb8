"""What the page of the audit log shows, whole or in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundryflow.audit.menus import audit_menus
from foundryflow.audit.rows import audit_rows
from foundryflow.audit.search import MOST_COUNTED, MOST_READ, NAMES, PERIODS, AuditCursor, AuditFilters, AuditPage
from foundryflow.filter_menus import Address, period_words
from foundryflow.regions import Region, context_of
from foundryflow.retention import AUDIT_LOG, FOR_EVER, words_of


def list_context(params: Mapping[str, str]) -> dict[str, Any]:
    return {**context_of(list_regions(params)), "words": AuditFilters.of(params).words}


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
        "summary": summary_of(filters, page, period_words(address, PERIODS), is_first="before" not in params),
        "most_read": MOST_READ,
    }
    return [
        Region("audit/_filters.html", "audit-filters", {**chosen, "is_filtered": is_filtered}),
        Region("audit/_actions.html", "audit-actions", {"query": address.query()}),
        Region("audit/_found.html", "audit-found", {**found, "is_filtered": is_filtered}),
    ]


def summary_of(filters: AuditFilters, page: AuditPage, period: str, *, is_first: bool) -> str:
    """ "1 to 50 of 3,918 entries today · kept for 365 days"; without the number where many would have to be read."""
    shown, is_all = len(page.entries), is_first and page.older is None
    count = shown if is_all else filters.count()
    words = [f"1 to {shown}"] if shown and is_first and not is_all else []
    if count is not None:
        more = f"more than {MOST_COUNTED:,}" if count > MOST_COUNTED else f"{count:,}"
        words += [*(["of"] if words else []), more, "entry" if count == 1 else "entries"]
    if period and words:
        words.append(period[:1].lower() + period[1:])
    days = AUDIT_LOG.days()
    kept = f"kept {'' if days == FOR_EVER else 'for '}{words_of(days)}"
    return " · ".join(filter(None, (" ".join(words), kept)))
