"""Suggests the deployments of a connection: those that were called, and those that its service lists."""

from __future__ import annotations

from connections.clients import foundry_client
from connections.foundry.agents import LABEL as AGENT_LABEL
from connections.foundry.values import ListedDeployment
from connections.models import Connection, LearntLesson
from flows.designer.suggestions import MOST, SuggestedNames, Suggestion, merge_suggestions
from flows.models import UsageSeries
from foundryflow.database.threads import in_thread


def known_deployments(connection: Connection) -> list[Suggestion]:
    """Those that a test or a run has called; costs no request."""
    tested = [connection.default_model] if connection.default_model else []
    series = UsageSeries.objects.filter(connection=connection.name, error="").exclude(deployment="")
    series = series.exclude(deployment__startswith=AGENT_LABEL)
    used = series.order_by("deployment").values_list("deployment", flat=True).distinct()[:MOST]
    lessons = LearntLesson.objects.filter(endpoint=connection.endpoint).exclude(model="")
    lessons = lessons.exclude(model__startswith=AGENT_LABEL)
    called = lessons.order_by("model").values_list("model", flat=True).distinct()[:MOST]
    by_note = [("used by its test", tested), ("used in runs", used), ("called before", called)]
    return merge_suggestions(Suggestion(name, note) for note, names in by_note for name in names)


async def listed_deployments(connection: Connection) -> list[Suggestion] | None:
    listed = await foundry_client().deployments(connection.target())
    if listed is None:
        return None
    await in_thread(connection.record_list)(listed)
    return [Suggestion(each.name, note_of(each)) for each in listed]


def note_of(listed: ListedDeployment) -> str:
    return listed.model if listed.model and listed.model != listed.name else ""


DEPLOYMENTS = SuggestedNames(
    "Deployments",
    without_connection="Choose a connection: what it has is listed here.",
    asking="Asking {} for its list…",
    without_list="{} gives no list; its portal shows one.",
    known=known_deployments,
    listed=listed_deployments,
)
