"""The rate limits that the deployments of a connection told last, as its page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from connections.models import Connection, SeenLimits
from foundryflow.templatetags.ui import moment, thousands

MOST_ROWS = 200
WORDS = {"requests": "Requests", "tokens": "Tokens", "input-tokens": "Tokens in", "output-tokens": "Tokens out"}


@dataclass(frozen=True)
class LimitRow:
    """One limit of one deployment, in words."""

    model: str
    what: str
    left: str  # "12 of 60"
    reset: str
    seen_at: datetime
    age: str


def limit_rows(connection: Connection) -> list[LimitRow]:
    now = timezone.now()
    return [
        LimitRow(
            seen.model, WORDS[what], left_words(said), reset_words(said), seen.seen_at, age_words(seen.seen_at, now)
        )
        for seen in SeenLimits.objects.filter(endpoint=connection.endpoint)[:MOST_ROWS]
        for what, said in seen.told.items()
        if what in WORDS
    ]


def left_words(said: Mapping[str, str]) -> str:
    """What is not told, or told as -1, is unknown."""
    left, limit = (count_words(said.get(name, "")) for name in ("remaining", "limit"))
    return f"{left or 'unknown'} of {limit}" if limit else left or "unknown"


def count_words(told: str) -> str:
    return thousands(int(told)) if told.isdecimal() else ""


def reset_words(said: Mapping[str, str]) -> str:
    """A number is one of seconds; durations and moments stay as they were told."""
    told = said.get("reset", "")
    return f"{told} s" if told.isdecimal() else told


def age_words(at: datetime, now: datetime) -> str:
    """12 s ago, 3 min ago; from an hour on the moment."""
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 60:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 3_600 else moment(at)
