"""The tabs of a connection's page, and those that only show something."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from connections.access import find_connection
from connections.contexts import lessons_by_deployment
from connections.limit_rows import limit_rows
from connections.list_page import ConnectionRow
from connections.models import Connection
from connections.rotation.reminders import due_at, is_due
from connections.rotation.steps import RETIRE, Rotation
from connections.usage import users_of
from foundryflow.access import editor
from foundryflow.audit.rows import audit_rows, entries_about
from foundryflow.http import Request
from foundryflow.regions import page

MOST_ENTRIES = 200  # of the audit log


def tab_context(connection: Connection, tab: str) -> dict[str, Any]:
    """What head and tabs of each of its pages show."""
    lessons = lessons_by_deployment(connection)
    return {
        "connection": connection,
        "row": ConnectionRow(connection),
        "tab": tab,
        "lessons_by_deployment": lessons,
        "lesson_count": sum(len(found) for _, found in lessons),
        "users": users_of(connection.name),
        "rotation": Rotation(connection),
        "last_step": RETIRE,
        "due_at": due_at(connection),
        "is_due": is_due(connection),
    }


@editor
@require_GET
def show_lessons(request: Request, pk: int) -> HttpResponse:
    connection = find_connection(pk)
    context = tab_context(connection, "learned") | {"limits": limit_rows(connection)}
    return page(request, "connections/learned.html", context)


@editor
@require_GET
def show_users(request: Request, pk: int) -> HttpResponse:
    return page(request, "connections/used_in.html", tab_context(find_connection(pk), "used_in"))


@editor
@require_GET
def show_audit(request: Request, pk: int) -> HttpResponse:
    connection = find_connection(pk)
    rows = audit_rows(entries_about("connection", connection.pk)[:MOST_ENTRIES])
    context = tab_context(connection, "audit") | {"rows": rows, "most_entries": MOST_ENTRIES}
    return page(request, "connections/audit.html", context)
