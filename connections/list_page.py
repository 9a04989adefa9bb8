"""What the list of connections shows: rows in two groups, filters, and the test of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from connections.check_rounds import NO_DEPLOYMENT, RoundState, latest_round
from connections.endpoint.endpoint import EndpointKind
from connections.kinds.base import KindGroup
from connections.kinds.registry import KINDS
from connections.models import Auth, CheckRound, Connection
from connections.rotation.reminders import due_at, is_due
from connections.rotation.steps import key_field
from connections.usage import MonthOfUse, months_by_connection, users_by_connection
from foundryflow.filter_menus import Address, FilterMenu, menu_of
from foundryflow.templatetags.ui import time_or_day

CHECK_LABELS = {
    "auth_key": "Key refused",
    "auth_token": "Token refused",
    "permission": "No permission",
    "rate_limit": "Quota low",
    "quota": "Quota used up",
    "not_found_deployment": "No such deployment",
    "not_found_route": "Wrong path",
    "not_found_agent": "No such agent",
    "blocked_destination": "Not allowed",
    "dns": "No such host",
    "connect": "Unreachable",
    "timeout": "No answer",
    "tls": "Bad certificate",
    "sign_in": "Sign-in refused",
    "file_missing": "No such file",
    "driver_missing": "Driver missing",
    NO_DEPLOYMENT: "Deployment missing",
}
WARNINGS = {"rate_limit": "hourglass", "quota": "hourglass", NO_DEPLOYMENT: "triangle-alert"}  # and their icons
GROUP_NOTES = {KindGroup.MODELS: "answer prompts", KindGroup.DATA: "fetched while a flow runs"}
SHORT_SIGN_INS = {
    Auth.CLIENT_SECRET: "client secret",
    Auth.CERTIFICATE: "certificate",
    Auth.MANAGED_IDENTITY: "managed identity",
    Auth.AZURE_CLI: "Azure command line",
}
CHECKS = {"answered": Q(check_ok=True), "refused": Q(check_ok=False), "unverified": Q(check_ok=None)}
CHECK_FILTERS = {"answered": "Answered", "refused": "Did not answer", "unverified": "Unverified"}
USE_FILTERS = {"yes": "Used by a flow", "no": "Not used by any flow"}
MOST_SHOWN = 500
MOST_DEPLOYMENTS = 20  # of a title


@dataclass(frozen=True)
class CheckState:
    """What the last check said: an icon and a word, the modifier of its style, and a second line."""

    icon: str
    label: str
    style: str
    note: str = ""


def check_state(connection: Connection) -> CheckState:
    note = check_note(connection)
    if not connection.key_readable:
        return CheckState("circle-x", "Re-enter the key", "bad", note)
    if connection.check_ok is None:
        return CheckState("circle-dashed", "Unverified", "mute", note)
    if connection.check_ok:
        if is_old_address(connection):
            return CheckState("triangle-alert", "Old address", "warn", f"{note} · convert to v1")
        return CheckState("circle-check", "Answered", "ok", note)
    label, icon = CHECK_LABELS.get(connection.check_kind, "Failed"), WARNINGS.get(connection.check_kind)
    return CheckState(icon or "circle-x", label, "warn" if icon else "bad", note)


def check_note(connection: Connection) -> str:
    """When it was checked, and how it answered: 14:07 · 412 ms."""
    if connection.checked_at is None:
        return "Never checked"
    parts = [time_or_day(connection.checked_at)]
    if connection.checked_by_run:
        parts.append("in a run")
    elif connection.check_ok and connection.check_ms is not None:
        parts.append(f"{connection.check_ms:,.0f} ms")
    elif connection.check_status and not connection.check_ok:
        parts.append(str(connection.check_status))
    return " · ".join(parts)


def is_old_address(connection: Connection) -> bool:
    parsed = connection.parsed if connection.is_foundry else None
    return parsed is not None and parsed.kind is EndpointKind.INFERENCE


@dataclass(frozen=True)
class ConnectionRow:
    connection: Connection
    flows: int = 0
    month: MonthOfUse = field(default_factory=MonthOfUse)
    round: RoundView | None = None

    @property
    def check(self) -> CheckState:
        state = self.round.state_of(self.connection) if self.round else None
        if state is RoundState.TESTING and self.round:
            return CheckState("loader", "Testing", "run", self.round.place_of(self.connection))
        now = check_state(self.connection)
        if state is RoundState.QUEUED:
            label = "" if self.connection.checked_at is None else f" · {now.label.lower()}"
            return CheckState("clock", "Queued", "mute", f"{now.note}{label}")
        return now

    @property
    def checked_at(self) -> str:
        """The moment of the last check."""
        return time_or_day(self.connection.checked_at)

    @property
    def is_foundry(self) -> bool:
        return self.connection.is_foundry

    @property
    def has_rotation(self) -> bool:
        return bool(key_field(self.connection))

    @property
    def sign_in(self) -> str:
        """How it signs in, and how old the key is."""
        connection = self.connection
        if connection.auth == Auth.KEY:
            label = connection.auth_label
        else:
            label = f"Entra ID · {SHORT_SIGN_INS[Auth(connection.auth)]}"
        if label == "None" or connection.auth in (Auth.MANAGED_IDENTITY, Auth.AZURE_CLI):
            return label
        days = (timezone.localdate() - timezone.localtime(connection.key_changed_at).date()).days
        return f"{label} · {age_in_days(days)}"

    @property
    def key_note(self) -> str:
        """What is to be done about its key: a rotation under way, or one that is due."""
        if self.connection.switched_at:
            return "Former key watched"
        due = due_at(self.connection)
        return f"Reminder since {time_or_day(due)}" if due and is_due(self.connection) else ""

    @property
    def place(self) -> str:
        """The second line of where it is: the path or the api-version, the database on a server."""
        if self.is_foundry:
            return place_of_endpoint(self.connection)
        address = self.connection.address
        return f"/{address.database}" if address and address.host and address.database else ""

    @property
    def deployments(self) -> list[str]:
        """Those that answered this month, the busiest first, and the default one."""
        default = self.connection.default_model
        return list(dict.fromkeys([*self.month.deployments, *([default] if default else [])]))

    @property
    def other_deployments(self) -> str:
        return ", ".join(self.deployments[1 : MOST_DEPLOYMENTS + 1])


def age_in_days(days: int) -> str:
    return "today" if days <= 0 else f"{days:,} day{'' if days == 1 else 's'} old"


def place_of_endpoint(connection: Connection) -> str:
    """What of the address tells it from others of its kind: Foundry's own path needs no saying."""
    parsed = connection.parsed
    if parsed is None:
        return ""
    if parsed.kind is EndpointKind.DEPLOYMENT:
        return f"api-version {parsed.api_version}"
    return parsed.base.removeprefix(parsed.origin).removesuffix("/openai/v1")


@dataclass(frozen=True)
class RowGroup:
    """Connections for one purpose, as the list shows them together."""

    title: str
    note: str
    rows: list[ConnectionRow]


@dataclass(frozen=True)
class RoundView:
    """A test of all as the list shows it: how far it is, and what it found."""

    round: CheckRound
    shown: Mapping[int, Connection]

    @property
    def is_running(self) -> bool:
        return bool(self.round.running)

    @property
    def total(self) -> int:
        return len(self.round.states)

    @property
    def done(self) -> int:
        return sum(state == RoundState.DONE for state in self.round.states.values())

    @property
    def begun(self) -> int:
        """The number of the connection that is tested: of several the last."""
        return sum(state != RoundState.QUEUED for state in self.round.states.values())

    @property
    def findings(self) -> str:
        """What did not answer: 1 refused, 1 low on quota."""
        ended = [pk for pk, state in self.round.states.items() if state == RoundState.DONE]
        failed = [found for pk in ended if (found := self.shown.get(int(pk))) and found.check_ok is False]
        low = sum(found.check_kind in ("rate_limit", "quota") for found in failed)
        parts = [(len(failed) - low, "did not answer"), (low, "low on quota")]
        return ", ".join(f"{count} {words}" for count, words in parts if count)

    def state_of(self, connection: Connection) -> RoundState | None:
        """None when it is not tested, or no more."""
        state = self.round.states.get(str(connection.pk)) if self.is_running else None
        return RoundState(state) if state else None

    def place_of(self, connection: Connection) -> str:
        return f"{list(self.round.states).index(str(connection.pk)) + 1} of {self.total}"


@dataclass(frozen=True)
class ListFilters:
    """What the address of the list asks for; what is not understood is ignored."""

    words: str = ""
    kind: str = ""
    check: str = ""
    used: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> ListFilters:
        kind, check, used = given.get("kind", ""), given.get("check", ""), given.get("used", "")
        return cls(
            given.get("q", "").strip()[:100],
            kind if kind in KINDS else "",
            check if check in CHECKS else "",
            used if used in USE_FILTERS else "",
        )

    @property
    def any(self) -> bool:
        return self != ListFilters()

    @property
    def address(self) -> Address:
        params = {"q": self.words, "kind": self.kind, "check": self.check, "used": self.used}
        return Address(params, tuple(params))

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Those that are set beside the words, as a form takes them along."""
        return self.address.kept("q")

    @property
    def menus(self) -> list[FilterMenu]:
        return [
            menu_of(self.address, "Kind", "kind", [(name, kind.label) for name, kind in KINDS.items()]),
            menu_of(self.address, "Last check", "check", [*CHECK_FILTERS.items()]),
            menu_of(self.address, "Used in", "used", [*USE_FILTERS.items()]),
        ]

    def found(self) -> QuerySet[Connection]:
        """All but whether a flow uses it, which no table knows."""
        found = Connection.objects.select_related("spill_over_to")
        if self.words:
            names = ("name", "endpoint", "default_model")
            found = found.filter(Q(*((f"{name}__icontains", self.words) for name in names), _connector=Q.OR))
        if self.kind:
            found = found.filter(kind=self.kind)
        return found.filter(CHECKS[self.check]) if self.check else found


def list_context(filters: ListFilters, *, only_checks: bool = False) -> dict[str, Any]:
    """What the page shows; of which only what the checks say is renewed while all are tested."""
    users = {} if only_checks and not filters.used else users_by_connection()
    months = {} if only_checks else months_by_connection()
    found = list(filters.found()[: MOST_SHOWN + 1])
    if filters.used:
        found = [each for each in found if (each.name in users) == (filters.used == "yes")]
    connections, round = found[:MOST_SHOWN], latest_round()
    view = RoundView(round, {each.pk: each for each in connections}) if round else None
    rows = [
        ConnectionRow(each, len(users.get(each.name, [])), months.get(each.name, MonthOfUse()), view)
        for each in connections
    ]
    return {
        "groups": groups_of(rows),
        "rows": rows,
        "round": view,
        "filters": filters,
        "has_more": len(found) > MOST_SHOWN,
        "summary": summary_of(rows),
        "month": timezone.now(),
        "most_shown": MOST_SHOWN,
    }


def groups_of(rows: Iterable[ConnectionRow]) -> list[RowGroup]:
    """Groups that have any, in their order."""
    groups: dict[KindGroup, list[ConnectionRow]] = {group: [] for group in KindGroup}
    for row in rows:
        groups[row.connection.kind_of.group].append(row)
    return [RowGroup(group.value, GROUP_NOTES[group], found) for group, found in groups.items() if found]


def summary_of(rows: list[ConnectionRow]) -> str:
    failed = sum(row.connection.check_ok is False for row in rows)
    unused = sum(not row.flows for row in rows)
    parts = [f"{len(rows):,} connection{'' if len(rows) == 1 else 's'}"]
    parts += [f"{failed:,} did not answer"] if failed else []
    parts += [f"{unused:,} not used by any flow"] if unused else []
    return " · ".join(parts)
