"""Which run kills its process: what a death says of those that were going. Knows no database.

A death in company proves nothing. A run that dies twice in a row at the same action is a suspect: it goes on trial,
with nothing beside it but few other suspects, fewer after each death, and at last alone.
"""

from __future__ import annotations

from collections.abc import Iterable

SUSPECT = 2  # deaths in a row at the same action
FEWER = 8  # the next company of a suspect is at most this part of the one it died in
PROOFS = 3  # deaths alone, between which no other process died
MOST_ALONE = 5  # deaths alone, whatever else died
WELL_AFTER = 3.0  # seconds after which a death is not a matter of the start, or of an outage
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 4.0, 2.0, 300.0  # seconds between a death and the next try
SHORTEST_TRIAL, LONGEST_TRIAL = 5.0, 300.0  # seconds

# Where a run was: the path of an action, with " > " in front of a path in the flow that it runs. Nothing recorded: "".
NOWHERE = ""
LONGEST = 500  # characters that are kept of all places of a run


def is_inside(path: str, container: str) -> bool:
    return path.startswith((f"{container}/", f"{container}["))


def leaves_of(paths: Iterable[str]) -> list[str]:
    """Those with no other inside."""
    all = sorted(paths)
    return [path for path in all if not any(is_inside(other, path) for other in all)]


def leads_to(place: str, other: str) -> bool:
    """Whether it is the same place, or on the way to it."""
    return place in (NOWHERE, other) or is_inside(other, place) or other.startswith(f"{place} > ")


def are_related(one: str, other: str) -> bool:
    return leads_to(one, other) or leads_to(other, one)


def remaining_places(places: Iterable[str], ended: str, *, container: bool) -> set[str]:
    """Those that the end of an action does not clear. A container that is walked again only ends again: it has got on
    nowhere but inside.
    """
    return {place for place in places if not (leads_to(ended, place) if container else are_related(ended, place))}


def common_places(before: Iterable[str], now: Iterable[str]) -> set[str]:
    """Places of both, as exactly as either of them says."""
    known = list(now)
    return {max(one, other, key=len) for one in before for other in known if are_related(one, other)}


def pack_places(places: Iterable[str]) -> str:
    """As many as fit."""
    lines: list[str] = []
    for place in sorted(places):
        if sum(map(len, lines)) + len(lines) + len(place) <= LONGEST:
            lines.append(place)
    return "\n".join(lines)


def places_of(crashes: int, crash_path: str) -> set[str]:
    """What was packed, if there was a death."""
    return set(crash_path.split("\n")) if crashes else set()


def places_text(crash_path: str) -> str:
    return ", ".join(crash_path.split("\n")) if crash_path else "an action that had just begun"


def times_text(times: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(times, f"{times} times")


def sentence_of(crashes: int, crash_path: str, alone: int | None = None) -> str:
    """What people read; `alone` is None while the run is no suspect."""
    died = f"The process that ran it died {times_text(crashes)} at {places_text(crash_path)}"
    if alone is None:
        return f"{died}."
    company = times_text(crashes - alone)
    return f"{died}: {times_text(alone)} with nothing beside it, {company} in company or just after a start."


def company_after(company: int, going: int, *, well: bool) -> int:
    """How many suspects may go together after `going` died with a process."""
    return max(1, min(company, going // FEWER)) if well else min(company, going)


def pause_after(alone: int) -> float:
    """Seconds between a death and the next try."""
    return min(FIRST_PAUSE * GROWTH**alone, LONGEST_PAUSE)


def trial_seconds(lived: float) -> float:
    """Seconds after which others may join a suspect that had lived so long when it died."""
    return min(SHORTEST_TRIAL + 2 * lived, LONGEST_TRIAL)


def is_proven(alone: int, proven: int) -> bool:
    return proven >= PROOFS or alone >= MOST_ALONE
