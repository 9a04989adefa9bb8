"""How far the replacement of a key is: verify the new one, switch, watch the old one, retire it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Sum
from django.utils import timezone

from connections.fields import KeyUnreadable, UnreadableSecret
from connections.foundry.values import Target
from connections.models import Auth, Connection, KeySlot, KeyUse
from connections.secret import Secret

UNUSED_FOR = timedelta(minutes=15)  # before a key may be retired
KEY_FIELDS = {Auth.KEY: "key", Auth.CLIENT_SECRET: "identity_secret"}  # what is replaced, by how it signs in
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
