"""What the tests of forms that are not saved yet have said: kept in the session until the connection is saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from connections.foundry.diagnosis import TestResult
from connections.kinds.base import SignInCheck
from connections.models import CheckOutcome, Connection

KEY = "connection_tests"
MOST = 10  # the newest
KEPT = timedelta(hours=12)


@dataclass(frozen=True)
class FormTest:
    """The check, and with which deployment of a model."""

    check: CheckOutcome
    model: str


async def remember_test(session: SessionBase, tested: Connection, result: TestResult | SignInCheck, model: str) -> None:
    """By a digest of everything that decides what is called; what is secret stays where it is."""
    check = CheckOutcome.of(result)
    kept: dict[str, Any] = await session.aget(KEY, {})
    kept.pop(tested.call_digest, None)
    kept[tested.call_digest] = [check.at.isoformat(), check.ok, check.status, check.kind, check.ms, model]
    await session.aset(KEY, dict(list(kept.items())[-MOST:]))


def find_test(session: SessionBase, connection: Connection) -> FormTest | None:
    """The test of a form that made the same calls as this connection."""
    found = session.get(KEY, {}).get(connection.call_digest)
    if found is None:
        return None
    at, ok, status, kind, ms, model = found
    check = CheckOutcome(datetime.fromisoformat(at), ok, status, kind, ms)
    return FormTest(check, model) if timezone.now() - check.at < KEPT else None
