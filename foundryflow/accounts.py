"""Every person has an account with a role, however they came to be."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.db.models.signals import post_save
from django.utils import timezone

from foundryflow.audit.record import Subject
from foundryflow.models import Account
from foundryflow.names import name_of
from foundryflow.roles import Role, role_by_flags


def connect_accounts() -> None:
    post_save.connect(keep_account, sender=User, dispatch_uid="foundryflow.accounts")


def keep_account(
    sender: type[User],
    instance: User,
    raw: bool = False,
    update_fields: Collection[str] | None = None,
    **kwargs: Any,
) -> None:
    """A new person gets the role that their flags mean; so does somebody whose flags were changed by a command.

    A save of other fields says nothing about flags: those that it was loaded with may be out of date.
    """
    if raw or (update_fields is not None and not {"is_staff", "is_superuser"} & set(update_fields)):
        return
    account = Account.objects.filter(user=instance).first() or Account(user=instance, role="")
    if account.role == "" or flags_of(Role(account.role)) != (instance.is_staff, instance.is_superuser):
        account.role = role_by_flags(instance)
        account.save()
    instance.account = account


def give_role(user: User, role: Role, by: User | None) -> None:
    user.is_staff, user.is_superuser = flags_of(role)
    given = {"role": role, "role_given_by": by, "role_given_at": timezone.now()}
    user.account, _ = Account.objects.update_or_create(user=user, defaults=given)
    user.save(update_fields=["is_staff", "is_superuser"])


def people_with(email: str) -> QuerySet[User]:
    """Whoever has this address as email or as user name, in whichever letters."""
    return User.objects.filter(Q(email__iexact=email) | Q(username__iexact=email))


def person_with(email: str) -> User | None:
    return people_with(email).select_related("account").first()


def subject_of(person: User) -> Subject:
    """Of an entry of the audit log."""
    return Subject("person", name_of(person), person.pk)


def oneself(person: Any) -> Subject:
    """Of an entry about what somebody does to themselves: its sentence has named them already."""
    return Subject("person", "", person.pk if person else None)


def flags_of(role: Role) -> tuple[bool, bool]:
    """Django's own `is_staff` and `is_superuser`, which nothing here asks but commands of Django write."""
    return role.rank >= Role.EDITOR.rank, role is Role.ADMINISTRATOR


def lock_administrators() -> set[int]:
    """Those who are active. SQLite has one transaction that writes at a time; elsewhere their rows are locked."""
    active = Account.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True)
    return set(active.select_for_update().order_by("pk").values_list("pk", flat=True))
