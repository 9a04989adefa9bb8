"""What the list of keys shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from flows.api_keys.expiry import days_until
from flows.api_keys.limits import flows_by_id, limit_words
from flows.models import Flow
from foundryflow.models import ApiKey
from foundryflow.models.api_key import LISTED_DAYS, date_words
from foundryflow.names import name_of
from foundryflow.roles import may_administer

MOST_SHOWN = 1_000


@dataclass(frozen=True)
class KeyRow:
    """A key as the viewer reads it."""

    key: ApiKey
    flows: dict[int, Flow]
    viewer: User
    now: datetime

    @property
    def owner(self) -> str:
        if self.key.created_by is None:
            return "Nobody"
        return "You" if self.key.created_by == self.viewer else name_of(self.key.created_by)

    @property
    def is_owner_off(self) -> bool:
        return self.key.created_by is not None and not self.key.created_by.is_active

    @property
    def may(self) -> str:
        words = self.key.scope_labels
        return words[0].upper() + words[1:]

    @property
    def limit(self) -> str:
        return limit_words(self.key, self.flows)

    @property
    def limit_title(self) -> str:
        names = [self.flows[pk].slug for pk in self.key.flow_ids or () if pk in self.flows]
        return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")

    @property
    def like(self) -> str:
        """What an address for a new key like this one ends with."""
        return f"?like={self.key.pk}"

    @property
    def use_note(self) -> str:
        if self.key.is_last_use_refused:
            return "refused"
        calls = self.key.calls_today()
        return f"{calls:,} today" if calls else ""

    @property
    def expiry(self) -> ExpiryState:
        key, now = self.key, self.now
        if key.revoked_at is not None:
            return ExpiryState("Revoked", "mute", "circle-slash", f"on {date_words(key.revoked_at)}")
        if key.expires_at is None:
            return ExpiryState("never")
        if key.is_expired(now):
            return ExpiryState("Expired", "bad", "circle-x", date_words(key.expires_at))
        if key.expires_soon(now):
            days = days_until(key.expires_at, now)
            words = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
            return ExpiryState(words, "warn", "triangle-alert", date_words(key.expires_at))
        return ExpiryState(date_words(key.expires_at))


@dataclass(frozen=True)
class ExpiryState:
    """Words, and where they are a state, its look and icon; the title says the day."""

    words: str
    look: str = ""
    icon: str = ""
    title: str = ""


def keys_seen_by(user: User) -> QuerySet[ApiKey]:
    """All of them for administrators, else one's own."""
    return ApiKey.objects.all() if may_administer(user) else ApiKey.objects.filter(created_by=user)


def list_context(user: User) -> dict[str, Any]:
    now = timezone.now()
    found = ApiKey.objects.listed(now).filter(pk__in=keys_seen_by(user).values("pk"))
    keys = sorted(found.order_by("-pk")[:MOST_SHOWN], key=lambda key: key.revoked_at is not None)
    flows = flows_by_id(keys)
    return {"rows": [KeyRow(key, flows, user, now) for key in keys], "foot": foot_of(keys, now)}


def foot_of(keys: Sequence[ApiKey], now: datetime) -> str:
    """7 keys · 1 expires within a week · 1 revoked, listed until 5 Jan."""
    soon = sum(key.revoked_at is None and key.expires_soon(now) for key in keys)
    revoked = [key.revoked_at for key in keys if key.revoked_at]
    parts = [f"{len(keys):,} key{'' if len(keys) == 1 else 's'}"]
    if soon:
        parts.append(f"{soon} expire{'s' if soon == 1 else ''} within a week")
    if revoked:
        last = date_words(max(revoked) + timedelta(days=LISTED_DAYS))
        parts.append(f"{len(revoked)} revoked, listed until {last}")
    return " · ".join(parts)
