"""What is done to replace a key. Each deed takes the row of the connection first, so that two people do one after the
other."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from connections.audit import subject_of
from connections.foundry.agents import label_of
from connections.foundry.diagnosis import TestResult
from connections.models import Connection, KeySlot
from connections.rotation.steps import Rotation, RotationRefused, Slot, key_field, purpose_of, usable_secret
from connections.secret import Secret
from foundryflow.audit.record import Origin, record
from foundryflow.audit.rows import entries_about
from foundryflow.models import AuditEntry

RETIRED = "retired key"
EMPTY: dict[str, Any] = {
    "secret": Secret(""), "stored_for": "", "stored_at": None, "stored_by": None,
    "verified_at": None, "verified_as": "", "is_verified": False,
}  # fmt: skip


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


def drop_key_for_another_host(connection: Connection) -> None:
    """Forgets the key that is not in use if it was stored for another host or sign-in than the connection has now."""
    others = KeySlot.objects.filter(connection=connection).exclude(number=connection.slot)
    if others.exclude(stored_for=purpose_of(connection)).update(**EMPTY):
        Connection.objects.filter(pk=connection.pk).update(switched_at=None)


def last_rotations(connection: Connection) -> list[AuditEntry]:
    return list(entries_about("connection", connection.pk).filter(verb__startswith=RETIRED)[:2])
