"""Who uses a connection. Connections do not know what there is; whoever uses them by name registers what finds that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ConnectionUser:
    """Something that names a connection: its own name, the address of its page, and the titles of what uses it."""

    name: str
    address: str
    titles: Sequence[str]


@dataclass(frozen=True)
class WaitingRun:
    """A run whose call waits: its number, the name of its flow, the address of its page, and what it waits for."""

    number: int
    flow: str
    address: str
    reason: str


@dataclass
class MonthOfUse:
    """What calls of a connection have used since the month began, by UTC."""

    tokens: int = 0
    deployments: dict[str, int] = field(default_factory=dict)  # calls that were answered, by name


@dataclass(frozen=True)
class UsageSource:
    """Who uses connections. All is found by the name of the connection."""

    find_users: Callable[[], Mapping[str, Sequence[ConnectionUser]]]
    find_months: Callable[[], Mapping[str, MonthOfUse]]
    find_waiting: Callable[[str], Sequence[WaitingRun]]


_sources: list[UsageSource] = []


def register_source(source: UsageSource) -> None:
    _sources.append(source)


def months_by_connection() -> dict[str, MonthOfUse]:
    """By the name of the connection; one that nobody called is not in it."""
    return {name: month for source in _sources for name, month in source.find_months().items()}


def waiting_runs_of(connection: str) -> list[WaitingRun]:
    """Runs that wait for an answer of the connection, by its name."""
    return [run for source in _sources for run in source.find_waiting(connection)]


def users_by_connection() -> dict[str, list[ConnectionUser]]:
    """By the name of the connection; one that nobody uses is not in it."""
    found: dict[str, list[ConnectionUser]] = {}
    for source in _sources:
        for name, users in source.find_users().items():
            found.setdefault(name, []).extend(users)
    return found


def users_of(connection: str) -> list[ConnectionUser]:
    """Of one connection, by its name."""
    return users_by_connection().get(connection, [])
