"""A link by which somebody chooses another password, for those who have forgotten theirs.

Nothing of it is stored: it is Django's token, a signature over the person, their password and when they logged in last.
So it ends with its hours, with the next log-in and with any other password.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.utils import timezone

from foundryflow.account.sessions import end_sessions
from foundryflow.accounts import subject_of
from foundryflow.audit.record import Origin, Subject, record
from foundryflow.http import whole_number
from foundryflow.models import Account
from foundryflow.names import name_of
from foundryflow.sign_in.logged_names import printable

log = logging.getLogger(__name__)


class NotValid(Exception):
    """The link has ended, or nobody has made it."""


@dataclass(frozen=True)
class PasswordLink:
    """What the person needs, and until when it works. The secret is part of an address and cannot be shown again."""

    secret: str
    until: datetime


def make_password_link(person: User, origin: Origin) -> PasswordLink:
    made = PasswordLink(
        f"{person.pk}-{default_token_generator.make_token(person)}",
        timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT),
    )
    record(origin, "made a password link for", subject_of(person))
    return made


def find_person(secret: str, *, lock: bool = False) -> User | None:
    """Whose link it is, while it works and they are active."""
    number, _, token = secret.partition("-")
    people = User.objects.select_for_update(of=("self",)) if lock else User.objects
    pk = whole_number(number, 18)
    person = people.select_related("account").filter(pk=pk, is_active=True).first() if pk is not None else None
    return person if person and default_token_generator.check_token(person, token) else None


@transaction.atomic
def choose_password(secret: str, password: str, origin: Origin) -> User:
    """Ends the sessions of the person; two-factor stays. Raises NotValid: of two at the same moment one chooses."""
    person = find_person(secret, lock=True)
    if person is None:
        raise NotValid
    person.set_password(password)
    person.save(update_fields=["password"])
    Account.objects.filter(user=person).update(password_changed_at=timezone.now())
    end_sessions(person)
    by = Origin(origin.via, person, name_of(person), origin.address)
    record(by, "chose a password by a link", Subject("person", "", person.pk))
    log.warning("Password chosen by a link: %s", printable(person.get_username()))
    return person
