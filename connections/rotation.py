"""A key of a connection is replaced in four steps: verify the new one, switch, watch the old one, retire it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from connections.audited import subject_of
from connections.fields import KeyUnreadable, UnreadableSecret
from connections.foundry.agents import label_of
from connections.foundry.diagnosis import TestResult
from connections.foundry.values import Target
from connections.models import Auth, Connection, KeySlot, KeyUse
from connections.secret import Secret
from foundryflow.audit.record import Origin, record
from foundryflow.audit.rows import entries_about
from foundryflow.models import AuditEntry

UNUSED_FOR = timedelta(minutes=15)  # before a key may be retired
KEY_FIELDS = {Auth.KEY: "key", Auth.CLIENT_SECRET: "identity_secret"}  # what is replaced, by how it signs in
RETIRED = "retired key"
EMPTY: dict[str, Any] = {
    "secret": Secret(""), "stored_for": "", "stored_at": None, "stored_by": None,
    "verified_at": None, "verified_as": "", "is_verified": False,
}  # fmt: skip
VERIFY, SWITCH, WATCH, RETIRE = 1, 2, 3, 4  # steps


class RotationRefused(Exception):
    """The step cannot be taken now; the message says why."""


@dataclass(frozen=True)
class Slot:
    """One of the two keys as the page shows it."""

    number: int
    secret: Secret | UnreadableSecret
    in_use: bool
    stored_at: datetime | None
    stored_by: User | None
    row: KeySlot
    calls_today: int

    @property
    def is_empty(self) -> bool:
        return not self.secret

    @property
    def is_readable(self) -> bool:
        return isinstance(self.secret, Secret)

    @property
    def fingerprint(self) -> str:
        return self.secret.fingerprint if self.is_readable and self.secret else ""


class Rotation:
    """How far the rotation of a connection is, at a moment."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.now = connection, timezone.now()
        rows = {row.number: row for row in connection.slots.select_related("stored_by")}
        self.slots = [self._slot(number, rows.get(number)) for number in (1, 2)]

    def _slot(self, number: int, row: KeySlot | None) -> Slot:
        connection, row = self.connection, row or KeySlot(connection=self.connection, number=number)
        today = timezone.localtime(self.now).replace(hour=0, minute=0, second=0, microsecond=0)
        uses = row.uses.filter(minute__gte=today) if row.pk else KeyUse.objects.none()
        calls = uses.aggregate(calls=Sum("calls"))["calls"] or 0
        if number == connection.slot:
            secret = getattr(connection, key_field(connection) or "key")
            changed = connection.key_changed_at, connection.key_changed_by
            return Slot(number, secret, True, *changed, row, calls)
        return Slot(number, row.secret, False, row.stored_at, row.stored_by, row, calls)

    @property
    def in_use(self) -> Slot:
        return self.slots[self.connection.slot - 1]

    @property
    def other(self) -> Slot:
        """The key that waits to be used, or the former one that is watched."""
        return self.slots[2 - self.connection.slot]

    @property
    def is_watching(self) -> bool:
        return self.connection.switched_at is not None and not self.other.is_empty

    @property
    def old(self) -> Slot:
        return self.other if self.is_watching else self.in_use

    @property
    def new(self) -> Slot:
        return self.in_use if self.is_watching else self.other

    @property
    def step(self) -> int:
        """The step that comes next; 0 while there is no second key."""
        if self.other.is_empty:
            return 0
        if self.is_watching:
            return RETIRE if not self.seconds_left else WATCH
        return SWITCH if self.other.row.is_verified else VERIFY

    @property
    def unused_since(self) -> datetime | None:
        """Since when the former key is not sent any more; None while nothing is watched."""
        switched, used = self.connection.switched_at, self.other.row.last_used_at
        return None if switched is None else max(switched, used or switched)

    @property
    def unused_at(self) -> datetime | None:
        """When it will have been unused for long enough."""
        return self.unused_since + UNUSED_FOR if self.unused_since else None

    @property
    def seconds_left(self) -> int:
        return max(0, int((self.unused_at - self.now).total_seconds())) if self.unused_at else 0

    @property
    def time_left(self) -> str:
        return minutes_and_seconds(self.seconds_left)

    @property
    def time_unused(self) -> str:
        return minutes_and_seconds(int(UNUSED_FOR.total_seconds()) - self.seconds_left)


def minutes_and_seconds(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


def key_field(connection: Connection) -> str:
    """The secret of the connection that is replaced; empty when it signs in without such a one."""
    return KEY_FIELDS.get(Auth(connection.auth), "") if connection.is_foundry else ""


def purpose_of(connection: Connection) -> str:
    """What a key was stored for: how the connection signs in, and where."""
    parsed = connection.parsed
    return f"{connection.auth} {parsed.origin if parsed else connection.endpoint}"[:300]


def target_with_other_key(connection: Connection) -> Target:
    """For a test with the key that waits. Raises RotationRefused, KeyUnreadable, EndpointError."""
    draft = copy.copy(connection)
    setattr(draft, key_field(connection), usable_secret(connection, Rotation(connection).other))
    draft.slot = 0  # a test is no use
    return draft.target()


def usable_secret(connection: Connection, slot: Slot) -> Secret:
    """Raises RotationRefused when it is not there, or not for this connection as it is now; KeyUnreadable."""
    if slot.is_empty or not key_field(connection):
        raise RotationRefused("There is no second key.")
    if not isinstance(slot.secret, Secret):
        raise KeyUnreadable
    if slot.row.stored_for != purpose_of(connection):
        raise RotationRefused(
            f"Key {slot.number} was stored for another host or sign-in, and is not sent here. Store it again."
        )
    return slot.secret


# Deeds. Each takes the row of the connection first, so that two people do one after the other.


def lock_connection(connection: Connection) -> Connection:
    """As it is now, and stays until the transaction ends."""
    return Connection.objects.select_for_update().get(pk=connection.pk)


@transaction.atomic
def store_second_key(connection: Connection, secret: Secret, by: Origin) -> None:
    """Raises RotationRefused while a former key is watched."""
    connection = lock_connection(connection)
    if not key_field(connection):
        raise RotationRefused("This connection signs in without a key that could be replaced here.")
    rotation = Rotation(connection)
    if rotation.is_watching:
        raise RotationRefused(f"Retire key {rotation.other.number} first, or switch back.")
    if secret == rotation.in_use.secret:
        raise RotationRefused("This is the key that is in use. Regenerate the other one in the portal and store that.")
    KeySlot.objects.update_or_create(
        connection=connection,
        number=rotation.other.number,
        defaults={
            "secret": secret, "stored_for": purpose_of(connection), "stored_at": timezone.now(), "stored_by": by.by,
            "verified_at": None, "verified_as": "", "is_verified": False, "last_used_at": None,
        },
    )  # fmt: skip
    record(by, f"stored key {rotation.other.number} of", subject_of(connection), f", {secret.fingerprint}")


@transaction.atomic
def record_verification(connection: Connection, result: TestResult, model: str, tested: str, by: Origin) -> None:
    """`tested` is the fingerprint of the key that the test was made with: another may have been stored meanwhile."""
    connection = lock_connection(connection)
    rotation = Rotation(connection)
    if rotation.other.fingerprint != tested:
        raise RotationRefused("Another key was stored meanwhile. Verify that one.")
    row, failed = rotation.other.row, result.error
    called = label_of(result.agent.name) if result.agent else f"the deployment {model}"
    row.verified_at, row.is_verified = timezone.now(), result.ok
    row.verified_as = (
        f"{failed.message} {failed.hint}" if failed else
        f"Answered {result.status} in {result.latency_ms:.0f} ms, with {called}."
    )[:500]  # fmt: skip
    row.save(update_fields=["verified_at", "verified_as", "is_verified"])
    outcome = "it answered" if result.ok else f"failed with {result.kind}"
    record(
        by,
        f"verified key {row.number} of",
        subject_of(connection),
        f": {outcome}, with {label_of(result.agent.name) if result.agent else model}",
    )


@transaction.atomic
def switch_to(connection: Connection, number: int, by: Origin) -> None:
    """Sends the other key from now on, or the former one again. Calls that have begun end with theirs.

    Raises RotationRefused, KeyUnreadable.
    """
    connection = lock_connection(connection)
    rotation, now = Rotation(connection), timezone.now()
    if number != rotation.other.number:
        return  # somebody was faster
    new, old, goes_back = rotation.other, rotation.in_use, rotation.is_watching
    secret = usable_secret(connection, new)
    if not goes_back and not new.row.is_verified:
        raise RotationRefused(f"Verify key {number} first.")
    put_away(connection, old, is_verified=goes_back or old.row.is_verified)
    setattr(connection, key_field(connection), secret)
    connection.slot, connection.switched_at = number, None if goes_back else now
    connection.key_changed_at, connection.key_changed_by = new.stored_at or now, new.stored_by
    changed = ("slot", "switched_at", "key_changed_at", "key_changed_by", key_field(connection))
    connection.save(update_fields=changed)
    KeySlot.objects.filter(pk=new.row.pk).update(secret=Secret(""))
    way = "back to" if goes_back else "to"
    record(by, "switched", subject_of(connection), f"{way} key {number}, {secret.fingerprint}")


def put_away(connection: Connection, slot: Slot, *, is_verified: bool) -> None:
    """Keeps the key that was in use in its slot."""
    KeySlot.objects.update_or_create(
        connection=connection,
        number=slot.number,
        defaults={
            "secret": slot.secret if isinstance(slot.secret, Secret) else Secret(""),
            "stored_for": purpose_of(connection), "stored_at": slot.stored_at, "stored_by": slot.stored_by,
            "is_verified": is_verified,
        },
    )  # fmt: skip


@transaction.atomic
def retire(connection: Connection, number: int, by: Origin) -> None:
    """Removes the former key. Raises RotationRefused while it is in use, or was a moment ago."""
    connection = lock_connection(connection)
    rotation = Rotation(connection)
    if not rotation.is_watching or rotation.other.number != number:
        raise RotationRefused(f"Key {number} is not a former key any more.")
    if rotation.seconds_left:
        raise RotationRefused(f"Key {number} has not been unused for 15 minutes yet.")
    took = rotation.now - (connection.switched_at or rotation.now)
    KeySlot.objects.filter(pk=rotation.other.row.pk).update(**EMPTY)
    Connection.objects.filter(pk=connection.pk).update(switched_at=None)
    minutes = f"{took.total_seconds() / 60:.0f} min after the switch"
    record(by, f"{RETIRED} {number} of", subject_of(connection), minutes)


@transaction.atomic
def set_reminder(connection: Connection, days: int | None, by: Origin) -> None:
    """After how many days the key is to be replaced; 0 for never, None as the server's setting says."""
    Connection.objects.filter(pk=connection.pk).update(remind_after_days=days)
    said = "as the server says" if days is None else f"after {days} days" if days else "never"
    record(by, "changed the reminder of", subject_of(connection), f": {said}")


def drop_key_for_another_host(connection: Connection) -> None:
    """Forgets the key that is not in use if it was stored for another host or sign-in than the connection has now."""
    others = KeySlot.objects.filter(connection=connection).exclude(number=connection.slot)
    if others.exclude(stored_for=purpose_of(connection)).update(**EMPTY):
        Connection.objects.filter(pk=connection.pk).update(switched_at=None)


# Age and reminders


def reminder_days(connection: Connection) -> int:
    """Days after which its key is to be replaced; 0 for never."""
    own = connection.remind_after_days
    days: int = settings.KEY_REMINDER_DAYS if own is None else own
    return days if key_field(connection) else 0


def due_at(connection: Connection) -> datetime | None:
    """When its key is to be replaced; None for never."""
    days = reminder_days(connection)
    return connection.key_changed_at + timedelta(days=days) if days else None


def is_due(connection: Connection) -> bool:
    at = due_at(connection)
    return at is not None and at <= timezone.now()


def last_rotations(connection: Connection) -> list[AuditEntry]:
    return list(entries_about("connection", connection.pk).filter(verb__startswith=RETIRED)[:2])


# The chart


@dataclass(frozen=True)
class UseBar:
    """Calls of one minute with one key, in the coordinates of the chart."""

    x: int
    y: float
    height: float
    slot: int


@dataclass(frozen=True)
class UseChart:
    """Calls a minute of the last half hour; the keys stand on top of each other."""

    bars: list[UseBar]
    labels: list[tuple[int, datetime]]
    most: int
    peak: str


MINUTES, STEP, WIDTH, HEIGHT = 30, 28, 18, 72  # of the chart: minutes, pixels


def use_chart(rotation: Rotation) -> UseChart | None:
    """None without a call in that time."""
    first = rotation.now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    uses: dict[datetime, dict[int, int]] = {}
    found = KeyUse.objects.filter(slot__connection=rotation.connection, minute__gte=first).select_related("slot")
    for use in found:
        uses.setdefault(use.minute, {})[use.slot.number] = use.calls
    if not uses:
        return None
    most = max(sum(calls.values()) for calls in uses.values())
    bars, labels = [], []
    for place in range(MINUTES):
        minute, top = first + timedelta(minutes=place), float(HEIGHT)
        for number, calls in sorted(uses.get(minute, {}).items()):
            height = round(HEIGHT * calls / most, 1)
            top -= height
            bars.append(UseBar(place * STEP, round(top, 1), height, number))
        if place % 5 == 0:
            labels.append((place * STEP, minute))
    at = max(uses, key=lambda minute: sum(uses[minute].values()))
    return UseChart(bars, labels, most, f"at most {most} calls a minute, at {timezone.localtime(at):%H:%M}")


def reminder_choices() -> list[tuple[str, str]]:
    server = settings.KEY_REMINDER_DAYS
    days = [(str(number), f"{number} days") for number in (30, 60, 90, 180, 365)]
    return [("", f"As the server says ({f'{server} days' if server else 'never'})"), *days, ("0", "Never")]
