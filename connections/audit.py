"""Connections as the audit log names them and leads to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.http import HttpRequest
from django.urls import reverse

from connections.foundry.diagnosis import TestResult
from connections.kinds.base import SignInCheck
from connections.models import Connection
from foundryflow.audit.record import Origin, Repeats, Subject, origin_of, record
from foundryflow.audit.refusals import record_blocked_destination

# What people change of a connection, in words. Nothing secret is among them.
FIELDS = {
    "name": "name",
    "endpoint": "address",
    "user_name": "user",
    "auth": "sign-in",
    "tenant_id": "tenant",
    "client_id": "client",
    "key_header": "header of the key",
    "token_scope": "scope of the token",
    "extra_header": "extra header",
    "default_model": "default deployment",
    "max_calls": "calls at the same time",
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
    "tokens_per_day": "tokens a day",
    "when_reached": "what happens at a limit",
    "spill_over_to_id": "spill-over",
}
BLOCKED = "blocked_destination"  # kind of a test that was not sent


def subject_of(connection: Connection) -> Subject:
    return Subject("connection", connection.name, connection.pk)


def addresses(numbers: Collection[int]) -> Mapping[int, str]:
    found = Connection.objects.filter(pk__in=numbers).values_list("pk", flat=True)
    return {pk: reverse("connections:edit", args=[pk]) for pk in found}


def changed_fields(before: Connection, after: Connection) -> list[str]:
    return [words for name, words in FIELDS.items() if getattr(before, name) != getattr(after, name)]


def record_test(origin: Origin, connection: Connection, outcome: TestResult | SignInCheck) -> None:
    """A test uses the key outside a run. One that the rules about destinations keep from being sent is a refusal.

    A connection that is not stored yet is known by its host alone.
    """
    subject = subject_of(connection) if connection.pk else Subject("connection", connection.host)
    kind = str(outcome.kind or "")
    if kind == BLOCKED:
        record_blocked_destination(origin, "tried to test", subject, connection.host)
        return
    key = f"key {connection.slot}" if connection.switched_at else "the key" if connection.pk else "a typed key"
    detail = f"for a test, {'it answered' if outcome.ok else f'failed with {kind}' if kind else 'failed'}"
    record(origin, f"used {key} of", subject, detail, repeats=Repeats(apart=f"{subject.pk} {subject.name} {detail}"))


def record_listing(request: HttpRequest, connection: Connection, what: str = "deployments") -> None:
    """The list of deployments, or of agents, is asked for with the key."""
    detail = f"to list its {what}"
    record(
        origin_of(request),
        "used the key of",
        subject_of(connection),
        detail,
        repeats=Repeats(apart=f"{connection.pk} {detail}"),
    )
