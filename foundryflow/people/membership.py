"""Who may what, and who is in at all. The last active administrator stays one, whoever does what at the same moment."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from foundryflow.account.sessions import end_sessions
from foundryflow.account.two_factor import reset_two_factor as take_two_factor_away
from foundryflow.accounts import give_role, lock_administrators, subject_of
from foundryflow.audit.record import Origin, record
from foundryflow.names import name_of
from foundryflow.roles import Role


class LastAdministrator(Exception):
    """Nobody could administer the server any more. The message is a sentence for whoever tried."""

    def __init__(self, person: User) -> None:
        super().__init__(f"{name_of(person)} is the last active administrator. Make somebody else administrator first.")


@transaction.atomic
def change_role(pk: int, role: Role, origin: Origin) -> User:
    """Raises LastAdministrator."""
    person = locked_person(pk, stays_administrator=role is Role.ADMINISTRATOR)
    before = Role(person.account.role)
    if before is not role:
        give_role(person, role, by=origin.by)
        record(origin, "changed the role of", subject_of(person), f"from {before} to {role}")
    return person


@transaction.atomic
def deactivate(pk: int, origin: Origin) -> User:
    """Ends all that somebody has open. What is theirs stays. Raises LastAdministrator."""
    person = locked_person(pk, stays_administrator=False)
    if person.is_active:
        set_active(person, is_active=False)
        end_sessions(person)
        record(origin, "deactivated", subject_of(person))
    return person


@transaction.atomic
def activate(pk: int, origin: Origin) -> User:
    person = locked_person(pk, stays_administrator=True)
    if not person.is_active:
        set_active(person, is_active=True)
        record(origin, "activated", subject_of(person), f"as {person.account.role}")
    return person


@transaction.atomic
def sign_out_everywhere(person: User, origin: Origin) -> int:
    """How many sessions it were."""
    count = end_sessions(person)
    record(origin, "signed out everywhere", subject_of(person), f"{count} session{'' if count == 1 else 's'}")
    return count


@transaction.atomic
def reset_two_factor(person: User, origin: Origin) -> bool:
    """For somebody who has lost app and codes: the password is enough then. False when there was nothing to reset."""
    was_on = take_two_factor_away(person)
    if was_on:
        end_sessions(person)
        record(origin, "reset two-factor of", subject_of(person))
    return was_on


def locked_person(pk: int, *, stays_administrator: bool) -> User:
    """As they are once everybody has finished who may change how many administrators there are.

    Raises User.DoesNotExist and LastAdministrator.
    """
    administrators = lock_administrators()
    person = User.objects.select_for_update(of=("self",)).select_related("account").get(pk=pk)
    if not stays_administrator and administrators == {pk}:
        raise LastAdministrator(person)
    return person


def set_active(person: User, *, is_active: bool) -> None:
    person.is_active = is_active
    person.save(update_fields=["is_active"])
    person.account.deactivated_at = None if is_active else timezone.now()
    person.account.save(update_fields=["deactivated_at"])
