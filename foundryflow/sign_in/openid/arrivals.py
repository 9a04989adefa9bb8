"""Who may come in with an identity provider, as which person, and with which role."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from foundryflow.accounts import give_role, lock_administrators, people_with, subject_of
from foundryflow.audit.record import Origin, record
from foundryflow.models import Invitation
from foundryflow.models.audit_entry import Via
from foundryflow.proxies import caller_address
from foundryflow.roles import Role, role_of
from foundryflow.sign_in.logged_names import LOGGER, printable
from foundryflow.sign_in.openid.faults import SignInRefused
from foundryflow.sign_in.openid.identity import ProviderIdentity
from foundryflow.sign_in.openid.links import is_linked, link, may_link
from foundryflow.sign_in.pipeline import SWITCHED_OFF
from foundryflow.sign_in.providers import IdentityProvider, Signup

log = logging.getLogger(LOGGER)

INVITATION = "invitation"  # in the session of somebody who opened the link of an invitation: its number


@dataclass(frozen=True)
class Arrival:
    """Somebody whom a provider vouches for, on their way in."""

    request: HttpRequest
    provider: IdentityProvider
    identity: ProviderIdentity

    @property
    def origin(self) -> Origin:
        return Origin(Via.BROWSER, None, self.provider.name, caller_address(self.request))


@transaction.atomic
def admit(arrival: Arrival, account: SocialAccount | None) -> User:
    """The person who comes in, made or linked if need be, with the role of their groups. Raises SignInRefused."""
    provider, identity = arrival.provider, arrival.identity
    meant = identity.role_of(provider)
    if provider.signup is Signup.GROUPS and meant is None:
        why = too_many_groups_sentence(provider) if identity.too_many_groups else no_group_sentence(provider)
        raise SignInRefused(why, "no group")
    user = account.user if account else known_person(arrival) or new_person(arrival)
    if not user.is_active:
        raise SignInRefused(SWITCHED_OFF, "switched off")
    if meant:
        apply_role(arrival, user, *meant)
    return user


def known_person(arrival: Arrival) -> User | None:
    """Somebody who is here with the same email, where the provider has verified it and settings trust it."""
    provider, identity = arrival.provider, arrival.identity
    if not identity.email:
        return None
    found = list(people_with(identity.email).select_related("account")[:2])
    if not found:
        return None
    if len(found) > 1:
        raise SignInRefused("Two people here have your email. An administrator has to mend that.", "two people")
    if is_linked(provider, found[0]):  # with somebody else at the same provider, who had this email before
        raise SignInRefused(
            f"Somebody here has your email, and comes with another account of {provider.name}. An administrator has to"
            " mend that.",
            "linked with another account",
        )
    if not may_link(arrival.request, provider, identity, found[0]):
        raise SignInRefused(unverified_sentence(provider, found[0]), "email not verified")
    guard_from_former_owner(arrival, found[0])
    link(arrival.request, provider, identity, found[0])
    return found[0]


def guard_from_former_owner(arrival: Arrival, user: User) -> None:
    """Whoever has typed an email that is not theirs must not get the role of its owner's groups by it."""
    meant, now = arrival.identity.role_of(arrival.provider), role_of(user)
    if meant and now and meant[0].rank > now.rank and user.has_usable_password():
        user.set_unusable_password()
        user.save(update_fields=["password"])
        record(arrival.origin, "ended the password of", subject_of(user), "with its first, higher role")


def new_person(arrival: Arrival) -> User:
    provider, identity = arrival.provider, arrival.identity
    invitation = open_invitation(arrival)
    if invitation is None and provider.signup is Signup.INVITED:
        raise SignInRefused(
            f"{provider.name} knows you, this server does not. An administrator can invite you.", "not invited"
        )
    email = invitation.email if invitation else identity.email
    username = email or identity.subject[:150]
    if User.objects.filter(Q(username__iexact=username)).exists():
        raise SignInRefused("Somebody here has your name already. An administrator has to mend that.", "name taken")
    user = User(username=username, email=email, first_name=identity.name[:150])
    user.set_unusable_password()
    user.save()
    if invitation:
        invitation.used_at, invitation.used_by = timezone.now(), user
        invitation.save(update_fields=["used_at", "used_by"])
        give_role(user, Role(invitation.role), invitation.created_by)
    link(arrival.request, provider, identity, user)
    record(arrival.origin, "brought", subject_of(user), "by an invitation" if invitation else "")
    return user


def open_invitation(arrival: Arrival) -> Invitation | None:
    """The one whose link this browser has opened, else one for the verified email."""
    still = Invitation.objects.select_for_update().filter(
        used_at=None, withdrawn_at=None, expires_at__gt=timezone.now()
    )  # fmt: skip
    if number := arrival.request.session.pop(INVITATION, None):
        return still.filter(pk=number).first()
    if not arrival.identity.email_is_verified:
        return None
    return still.filter(email__iexact=arrival.identity.email).first()


def apply_role(arrival: Arrival, user: User, role: Role, group: str) -> None:
    """At each sign-in. The last administrator stays one, whatever the groups say."""
    before = role_of(user)
    if before is role:
        return
    if before is Role.ADMINISTRATOR and is_last_administrator(user):
        log.warning("%s stays administrator: nobody else is one.", printable(user.get_username()))
        record(
            arrival.origin, "tried to make", subject_of(user), f"{role}, but nobody else is administrator", refused=True
        )
        return
    give_role(user, role, None)
    record(arrival.origin, "made", subject_of(user), f"{role} by group {group}", data={"role": role, "group": group})


def is_last_administrator(user: User) -> bool:
    return lock_administrators() <= {user.pk}


def unverified_sentence(provider: IdentityProvider, user: User) -> str:
    start = f"Somebody here has your email, and {provider.name} does not vouch for it."
    if settings.PASSWORD_SIGN_IN and user.has_usable_password():
        return (
            f"{start} If that is you, log in with your password once: then the two are linked, and from then on"
            f" {provider.name} is enough."
        )
    return f"{start} Whoever manages {provider.name} can have it say that your email is verified."


def no_group_sentence(provider: IdentityProvider) -> str:
    return f"None of the groups that may log in here is yours at {provider.name}. Ask who manages them."


def too_many_groups_sentence(provider: IdentityProvider) -> str:
    return (
        f"{provider.name} did not say which groups you are in: there are too many. Whoever manages it can send only the"
        " groups that are assigned to this application, or use app roles."
    )
