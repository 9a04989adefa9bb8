"""Runs of an installation that was restored from a backup."""

from __future__ import annotations

from typing import Any

from flows.engine import claims
from flows.models import EXECUTING, Run


def requeue_restored(**_: Any) -> None:
    """Nobody executes anything here yet: what was going when the backup was made is in the queue again, and goes on
    after its last finished action. No process has died of it."""
    claims.requeue(Run.objects.filter(state__in=EXECUTING, parent=None), died=False)
