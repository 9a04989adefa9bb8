"""Who uses a connection. Connections do not know what there is; whoever uses them by name registers a finder."""

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


FindMonths = Callable[[], Mapping[str, MonthOfUse]]  # by the name of the connection
_month_finders: list[FindMonths] = []
FindWaiting = Callable[[str], Sequence[WaitingRun]]  # by the name of the connection
_waiting_finders: list[FindWaiting] = []
FindUsers = Callable[[], Mapping[str, Sequence[ConnectionUser]]]  # by the name of the connection
_finders: list[FindUsers] = []


def register_finder(find: FindUsers) -> None:
    _finders.append(find)


def register_waiting_finder(find: FindWaiting) -> None:
    _waiting_finders.append(find)


def register_month_finder(find: FindMonths) -> None:
    _month_finders.append(find)


def months_by_connection() -> dict[str, MonthOfUse]:
    """By the name of the connection; one that nobody called is not in it."""
    return {name: month for find in _month_finders for name, month in find().items()}


def waiting_runs_of(connection: str) -> list[WaitingRun]:
    """Runs that wait for an answer of the connection, by its name."""
    return [run for find in _waiting_finders for run in find(connection)]


def users_by_connection() -> dict[str, list[ConnectionUser]]:
    """By the name of the connection; one that nobody uses is not in it."""
    found: dict[str, list[ConnectionUser]] = {}
    for find in _finders:
        for name, users in find().items():
            found.setdefault(name, []).extend(users)
    return found


def users_of(connection: str) -> list[ConnectionUser]:
    """Of one connection, by its name."""
    return users_by_connection().get(connection, [])
