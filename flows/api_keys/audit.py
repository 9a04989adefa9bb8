"""API keys as the audit log names them, and what it says of their changes."""

from __future__ import annotations

from foundryflow.audit.record import Origin, Subject, record
from foundryflow.models import ApiKey
from foundryflow.models.api_key import date_words

KIND = "api_key"


def subject_of(key: ApiKey) -> Subject:
    return Subject(KIND, key.name, key.pk)


def record_creation(origin: Origin, key: ApiKey) -> None:
    may = f"may {key.scope_labels}, {limit_of(key)}, {expiry_words(key)}"
    data = {"key": key.begins, "scopes": key.scopes, "flow_ids": key.flow_ids}
    record(origin, "created API key", subject_of(key), may, data=data)


def record_renaming(origin: Origin, key: ApiKey, before: str) -> None:
    record(origin, "renamed API key", subject_of(key), f"was {before}", data={"key": key.begins})


def record_expiry(origin: Origin, key: ApiKey, before: str) -> None:
    record(
        origin,
        "changed expiry of API key",
        subject_of(key),
        f"{expiry_words(key)}, was {before}",
        data={"key": key.begins},
    )


def record_limit(origin: Origin, key: ApiKey) -> None:
    data = {"key": key.begins, "flow_ids": key.flow_ids}
    record(origin, "changed flows of API key", subject_of(key), limit_of(key), data=data)


def record_revocation(origin: Origin, key: ApiKey) -> None:
    record(origin, "revoked API key", subject_of(key), data={"key": key.begins})


def limit_of(key: ApiKey) -> str:
    if key.flow_ids is None:
        return "all flows"
    return f"{len(key.flow_ids)} flow{'' if len(key.flow_ids) == 1 else 's'}"


def expiry_words(key: ApiKey) -> str:
    return f"until {date_words(key.expires_at)}" if key.expires_at else "never expires"
