"""What a list of runs is asked for, as an address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from flows.models.flow import Room
from flows.models.states import State
from flows.models.usage_search import parse_date

PERIODS = {"1": "Last hour", "24": "Last 24 hours", "168": "Last 7 days", "720": "Last 30 days"}
STATES = tuple(str(state) for state in State if state != State.SKIPPED)
NOT_SUCCEEDED = tuple(state for state in STATES if state != State.SUCCEEDED)
ALL_BUT_SUCCEEDED = "open"
# Their names in the address.
FILTERS = ("flow", "state", "by", "via", "connection", "customer", "period", "from", "to", "q")
ORIGINS = {
    "designer": "Designer",
    "run page": "Run page",
    "api": "API",
    "command line": "Command line",
    "flow": "Another flow",
    "playground": "Playground",
    "batch": "Batch",
    "all": "Playground and batch, too",
}
ROOMS = {"playground": Room.PLAYGROUND, "batch": Room.BATCH}  # of origins whose runs are of no flow of the designer


@dataclass(frozen=True)
class Filters:
    """What an address asks for; what is not understood is ignored."""

    flow: str = ""
    states: tuple[str, ...] = STATES
    by: str = ""
    via: str = ""
    room: str = ""  # of the flows; empty: of any
    since: datetime | None = None
    until: datetime | None = None  # excluded
    words: str = ""
    customer: str = ""
    connection: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Filters:
        """Runs of sessions and batches are those of an origin, or of the flow that is asked for, else left out."""
        state, origin, flow = given.get("state", ""), given.get("via", ""), without_nulls(given.get("flow", ""))
        since, until = times_of(given)
        return cls(
            flow=flow,
            states=(state,) if state in STATES else NOT_SUCCEEDED if state == ALL_BUT_SUCCEEDED else STATES,
            by=without_nulls(given.get("by", "")),
            via="" if origin in ROOMS or origin == "all" else without_nulls(origin),
            room=ROOMS.get(origin) or ("" if flow or origin == "all" else Room.DESIGNER),
            since=since,
            until=until,
            words=without_nulls(given.get("q", "")).strip()[:100],
            customer=without_nulls(given.get("customer", "")),
            connection=without_nulls(given.get("connection", "")),
        )

    @property
    def only_time(self) -> bool:
        return self == Filters(since=self.since, until=self.until, room=self.room)


def times_of(given: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """Days, of which either may be missing, go before the hours until now."""
    first, last = (parse_date(given.get(name, "")) for name in ("from", "to"))
    if first and last:
        first, last = sorted((first, last))
    if first or last:
        zone = timezone.get_current_timezone()
        begin = first.replace(tzinfo=zone) if first else None
        return begin, (last + timedelta(days=1)).replace(tzinfo=zone) if last else None
    hours = int(given["period"]) if given.get("period") in PERIODS else None
    return timezone.now() - timedelta(hours=hours) if hours else None, None


def without_nulls(text: str) -> str:
    """Without null characters, which no database keeps."""
    return text.replace("\x00", "")[:200]
