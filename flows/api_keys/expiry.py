"""Until when a key lets its programs in: a number of days, a last day, or for ever."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from django.utils import timezone

NEVER = "never"
LONGEST = 3_650  # days
DAYS = {"30": "30 days", "90": "90 days", "365": "365 days"}


class ExpiryError(ValueError):
    """The message is a sentence."""


def expiry_of(words: str, now: datetime) -> datetime | None:
    """The end of the last day, in the time zone of the server; None for never. Raises ExpiryError."""
    words = words.strip()
    if words == NEVER:
        return None
    if re.fullmatch(r"[0-9]{1,4}", words):
        return end_of(timezone.localdate(now) + timedelta(days=int(words)), now)
    try:
        day = date.fromisoformat(words)
    except ValueError:
        raise ExpiryError("Say a number of days, a day such as 2027-02-27, or never.") from None
    return end_of(day, now)


def end_of(day: date, now: datetime) -> datetime:
    """The last moment of the day. Raises ExpiryError."""
    today = timezone.localdate(now)
    if day <= today:
        raise ExpiryError("The last day lies after today. To end a key now, revoke it.")
    if day > today + timedelta(days=LONGEST):
        raise ExpiryError("The last day lies at most ten years ahead. Or choose never.")
    return timezone.make_aware(datetime.combine(day, time.max))


def days_until(expires_at: datetime, now: datetime) -> int:
    """Midnights from now until the last day."""
    return (timezone.localdate(expires_at) - timezone.localdate(now)).days
