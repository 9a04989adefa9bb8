"""Who uses a connection: the flows that name it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from connections.usage import ConnectionUser, MonthOfUse, WaitingRun
from flows.actions.registry import find_type, properties_of_type
from flows.models.flow import Flow
from flows.models.record import ActionRun
from flows.models.states import EXECUTING, State
from flows.models.usage_search import calls_of_month

MOST_WAITING = 20  # that a page lists


def flows_by_connection() -> dict[str, list[ConnectionUser]]:
    """For each connection the flows whose draft or published revision names it, with the titles of the actions."""
    used: dict[str, list[ConnectionUser]] = {}
    flows = Flow.objects.in_designer().exclude(head=None).order_by("name")
    for flow in flows.select_related("head", "published"):
        titles: dict[str, list[str]] = {}
        for action in actions_in_use(flow):
            for name in connections_named(action):
                titles.setdefault(name, []).append(title_of(action))
        for name, named in titles.items():
            used.setdefault(name, []).append(ConnectionUser(flow.name, flow.get_absolute_url(), named))
    return used


def is_named_by(connection: str, flows: QuerySet[Flow]) -> bool:
    """Whether the draft or the published revision of one of the flows names the connection."""
    return any(
        connection in connections_named(action)
        for flow in flows.select_related("head", "published").exclude(head=None)
        for action in actions_in_use(flow)
    )


def actions_in_use(flow: Flow) -> Iterator[dict[str, Any]]:
    """Those of the draft, and those of the published revision that are not in it with the same connections."""
    draft = list(actions_of(flow.current.document))
    yield from draft
    if flow.published is not None and flow.has_unpublished_changes:
        known = {(str(action.get("id")), *connections_named(action)) for action in draft}
        for action in actions_of(flow.published.document):
            if (str(action.get("id")), *connections_named(action)) not in known:
                yield action


def title_of(action: dict[str, Any]) -> str:
    """As its card says it."""
    known = find_type(str(action.get("type")))
    return str(action.get("title") or (known.title if known else action.get("type")))


def months_of_use() -> dict[str, MonthOfUse]:
    """What the calls of each connection have used since the month began."""
    months: dict[str, MonthOfUse] = {}
    for connection, deployment, error, calls, tokens in calls_of_month(timezone.now()):
        month = months.setdefault(connection, MonthOfUse())
        month.tokens += int(tokens)
        if deployment and not error:
            month.deployments[deployment] = int(calls)
    return months


def runs_waiting_for(connection: str) -> list[WaitingRun]:
    """The first runs whose action waits for an answer of the connection that it names."""
    waiting = ActionRun.objects.filter(run__state__in=EXECUTING, state=State.WAITING, inputs__connection=connection)
    found = waiting.select_related("run__flow").order_by("run_id")[:MOST_WAITING]
    return [
        WaitingRun(row.run_id, row.run.flow.name, reverse("runs:show", args=[row.run_id]), row.reason) for row in found
    ]


def connections_named(action: dict[str, Any]) -> list[str]:
    """The connections that a stored action names, by the kinds of its properties."""
    stored = action.get("properties")
    if not isinstance(stored, dict):
        return []
    declared = properties_of_type(str(action.get("type")))
    return [
        each for name, property in declared.items() for each in property.connections_named(stored.get(name)) if each
    ]


def actions_of(node: Any) -> Iterator[dict[str, Any]]:
    """Every action of a stored document, read without parsing so that a broken one still counts."""
    actions = node.get("actions") if isinstance(node, dict) else None
    for action in actions if isinstance(actions, list) else []:
        if isinstance(action, dict):
            yield action
            branches = action.get("branches")
            for branch in branches if isinstance(branches, list) else []:
                yield from actions_of(branch)
