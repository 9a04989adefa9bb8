"""Invitations: a link lets one person in, once, for some days. Only a digest of its secret is stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from foundryflow.accounts import give_role, person_with
from foundryflow.audit.record import Origin, Subject, record
from foundryflow.models import Invitation
from foundryflow.names import name_of
from foundryflow.people.list_page import open_invitations
from foundryflow.roles import Role

SECRET_BYTES = 32


class InvitationState(StrEnum):
    """What becomes of a link."""

    OPEN = "open"
    USED = "used"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    HERE = "here"  # somebody with the address is here already
    UNKNOWN = "unknown"


class NotOpen(Exception):
    """Somebody else was faster: the invitation is not open any more."""


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def invite(email: str, role: Role, origin: Origin) -> tuple[Invitation, str]:
    """The invitation and its secret, which cannot be shown again. Links made before for the address end."""
    now, secret = timezone.now(), secrets.token_urlsafe(SECRET_BYTES)
    replaced = open_invitations().filter(email__iexact=email).update(withdrawn_at=now)
    made = Invitation.objects.create(
        email=email,
        role=role,
        digest=digest_of(secret),
        created_by=origin.by,
        expires_at=now + timedelta(hours=settings.INVITATION_HOURS),
    )
    detail = f"as {role}{', with a new link instead of the former' if replaced else ''}"
    record(origin, "invited", Subject("person", email), detail)
    return made, secret


@transaction.atomic
def withdraw(invitation: Invitation, origin: Origin) -> bool:
    """False when it was not open any more."""
    count = open_invitations().filter(pk=invitation.pk).update(withdrawn_at=timezone.now())
    if count:
        record(origin, "withdrew the invitation of", Subject("person", invitation.email))
    return count > 0


def find_invitation(secret: str) -> Invitation | None:
    return Invitation.objects.select_related("created_by").filter(digest=digest_of(secret)).first()


def state_of(invitation: Invitation | None) -> InvitationState:
    if invitation is None:
        return InvitationState.UNKNOWN
    if invitation.used_at:
        return InvitationState.USED
    if invitation.withdrawn_at:
        return InvitationState.WITHDRAWN
    if invitation.expires_at <= timezone.now():
        return InvitationState.EXPIRED
    return InvitationState.HERE if person_with(invitation.email) else InvitationState.OPEN


@transaction.atomic
def accept(invitation: Invitation, name: str, password: str, origin: Origin) -> User:
    """The new person. Raises NotOpen: of two at the same moment one comes in."""
    now = timezone.now()
    # A conditional update: whoever comes second finds no row, on every database.
    taken = open_invitations().filter(pk=invitation.pk, expires_at__gt=now).update(used_at=now)
    if not taken or person_with(invitation.email):
        raise NotOpen
    email = invitation.email.lower()
    person = User.objects.create_user(email, email, password, first_name=name)
    give_role(person, Role(invitation.role), by=invitation.created_by)
    Invitation.objects.filter(pk=invitation.pk).update(used_by=person)
    open_invitations().filter(email__iexact=email).update(withdrawn_at=now)
    by = name_of(invitation.created_by)
    joined = Origin(origin.via, person, name, origin.address)
    detail = f"as {invitation.role}{f', invited by {by}' if by else ''}"
    record(joined, "joined", Subject("person", "", person.pk), detail)
    return person
