"""What a key that is limited to flows may see. The limit goes by the ids of flows: a key whose flows are all gone may
nothing."""

from __future__ import annotations

from django.db.models import QuerySet

from connections.models import Connection
from flows.models import Flow, Run
from flows.models.connection_users import is_named_by
from foundryflow.models import ApiKey


def flows_of(key: ApiKey) -> QuerySet[Flow]:
    """Flows whose runs the key may see."""
    return within_limit(key, Flow.objects.visible_to(key.created_by))


def designer_flows_of(key: ApiKey) -> QuerySet[Flow]:
    """Flows that the key may start, as far as it runs any."""
    return within_limit(key, Flow.objects.in_designer())


def within_limit(key: ApiKey, flows: QuerySet[Flow]) -> QuerySet[Flow]:
    return flows if key.flow_ids is None else flows.filter(pk__in=key.flow_ids)


def runs_of(key: ApiKey) -> QuerySet[Run]:
    seen = Run.objects.visible_to(key.created_by)
    return seen if key.flow_ids is None else seen.filter(flow__in=key.flow_ids)


def connection_of(key: ApiKey, name: str) -> Connection | None:
    """The connection, where the key may test it."""
    connection = Connection.objects.filter(name=name).first()
    if connection is None or key.flow_ids is None or is_named_by(name, designer_flows_of(key)):
        return connection
    return None


def or_not_for(key: ApiKey, why: str = "it is not for this key, which is limited to flows") -> str:
    """Completes "There is no run 7" so that the same is said of what is not there and of what is not for the key."""
    return "" if key.flow_ids is None else f", or {why}"
