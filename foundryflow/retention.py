"""How long things are kept: as the environment says, else as administrators have set it in the browser.

What is older goes at 02:00 of each day, by the time zone of the server. A change counts from the next 02:00 on, so that
it can be taken back until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from foundryflow.models import StoredSetting

FOR_EVER = 0
LONGEST = 3_650  # days
HOUR_OF_ERASURE = 2
CHOICES = (7, 14, 30, 60, 90, 180, 365, 730, FOR_EVER)


@dataclass(frozen=True)
class Retention:
    """Of one kind of things."""

    name: str  # under which it is stored
    title: str
    setting: str  # without the prefix
    default: int  # days

    @property
    def slug(self) -> str:
        """In addresses and ids."""
        return self.name.replace(" ", "-")

    @property
    def variable(self) -> str:
        return f"FOUNDRYFLOW_{self.setting}"

    @property
    def is_fixed(self) -> bool:
        """Whether the environment decides."""
        return getattr(settings, self.setting) is not None

    def days(self) -> int:
        """As it is set; FOR_EVER keeps all."""
        if self.is_fixed:
            return int(getattr(settings, self.setting))
        return int(self._stored_days().get("days", self.default))

    def days_in_effect(self) -> int:
        """By which what is too old goes today: a change of today does not count yet."""
        stored = {} if self.is_fixed else self._stored_days()
        if stored and datetime.fromisoformat(stored["changed_at"]) > last_erasure():
            return int(stored["days_before"])
        return self.days()

    def erases_before(self) -> datetime | None:
        """What is older than this moment is to go now; None when nothing is."""
        return cutoff(last_erasure(), self.days_in_effect())

    def erased_before(self) -> datetime | None:
        """Before this moment something may be gone, although it would be kept today; None when nothing is."""
        stored = self._stored_days()
        moments = [datetime.fromisoformat(stored["erased_before"])] if stored.get("erased_before") else []
        moments += [moment] if (moment := self.erases_before()) else []
        return max(moments, default=None)

    def set_days(self, days: int) -> None:
        """From the next 02:00 on. Call in a transaction."""
        gone = self.erased_before()
        now = {
            "days": days,
            "days_before": self.days_in_effect(),
            "changed_at": timezone.now().isoformat(),
            "erased_before": gone.isoformat() if gone else None,
        }
        StoredSetting.objects.write(self._key, now)

    @property
    def _key(self) -> str:
        return f"retention of {self.name}"

    def _stored_days(self) -> dict[str, Any]:
        return StoredSetting.objects.read(self._key) or {}


RUNS = Retention("runs", "Runs", "RUN_RETENTION_DAYS", FOR_EVER)
AUDIT_LOG = Retention("audit log", "Audit log", "AUDIT_RETENTION_DAYS", 365)


def cutoff(at: datetime, days: int) -> datetime | None:
    """What is older at this moment has outlived so many days."""
    return None if days == FOR_EVER else at - timedelta(days=days)


def last_erasure() -> datetime:
    here = timezone.localtime()
    today = here.replace(hour=HOUR_OF_ERASURE, minute=0, second=0, microsecond=0)
    return today if today <= here else today - timedelta(days=1)


def next_erasure() -> datetime:
    return last_erasure() + timedelta(days=1)


def check_days(text: str) -> int:
    """Days as a form sends them. Raises ValueError with a sentence."""
    if not text.isascii() or not text.isdecimal() or len(text) > 6 or int(text) > LONGEST:
        raise ValueError(f"Days are a whole number from 1 to {LONGEST:,}, or 0 to keep all.")
    return int(text)


def words_of(days: int) -> str:
    if days == FOR_EVER:
        return "for ever"
    return f"{days:,} day{'' if days == 1 else 's'}"
