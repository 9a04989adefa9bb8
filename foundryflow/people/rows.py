"""A line of the list of people: somebody who is here, or somebody who is invited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from foundryflow.models import Invitation
from foundryflow.names import name_of
from foundryflow.roles import Role

NOW = timedelta(minutes=6)  # somebody who is there is noted every five minutes


@dataclass(frozen=True)
class RowState:
    icon: str
    words: str
    css: str


ACTIVE = RowState("circle-check", "Active", "ok")
DEACTIVATED = RowState("circle-slash", "Deactivated", "mute")
INVITED = RowState("clock", "Invited", "wait")
EXPIRED = RowState("triangle-alert", "Link expired", "warn")


@dataclass(frozen=True)
class InvitationRow:
    invitation: Invitation
    reader: User  # of the page

    @property
    def is_expired(self) -> bool:
        return self.invitation.expires_at <= timezone.now()

    @property
    def state(self) -> RowState:
        return EXPIRED if self.is_expired else INVITED

    @property
    def inviter(self) -> str:
        by = self.invitation.created_by
        return "you" if by == self.reader else name_of(by) or "the command line"


@dataclass(frozen=True)
class PersonRow:
    user: User
    reader: User  # of the page
    is_last_administrator: bool = False
    has_two_factor: bool = False
    providers: list[str] = field(default_factory=list)  # names of those that vouch for the person
    before: Role | None = None  # the role that was changed just now

    @property
    def name(self) -> str:
        return name_of(self.user)

    @property
    def role(self) -> Role:
        return Role(self.user.account.role)

    @property
    def is_me(self) -> bool:
        return bool(self.user.pk == self.reader.pk)

    @property
    def state(self) -> RowState:
        return ACTIVE if self.user.is_active else DEACTIVATED

    @property
    def roles(self) -> list[tuple[str, str]]:
        return list(Role.choices)

    @property
    def fixed_because(self) -> str:
        """Why the role cannot be changed; empty where it can."""
        return "The last active administrator keeps this role." if self.is_last_administrator else ""

    @property
    def signs_in_with(self) -> str:
        password = ["Password"] if self.user.has_usable_password() and self.uses_passwords else []
        return ", ".join([*password, *self.providers]) or "Nothing yet"

    @property
    def may_get_password_link(self) -> bool:
        return self.uses_passwords and bool(self.user.is_active) and not self.is_me

    @property
    def uses_passwords(self) -> bool:
        return bool(settings.PASSWORD_SIGN_IN)

    @property
    def two_factor(self) -> RowState:
        if self.has_two_factor:
            return RowState("circle-check", "On", "ok")
        if self.providers and not (self.user.has_usable_password() and self.uses_passwords):
            return RowState("circle-check", f"By {self.providers[0].removeprefix('Microsoft ')}", "mute")
        if self.user.is_active and settings.TWO_FACTOR_REQUIRED:
            return RowState("triangle-alert", "Off, asked next time", "warn")
        return RowState("circle-slash", "Off", "mute")

    @property
    def last_seen(self) -> str:
        return seen_words(self.user.account.seen_at, timezone.now())


def seen_words(at: datetime | None, now: datetime) -> str:
    """ "14:07, now", "08:31", "Yesterday", "Tue 24 Nov" of the last days, "2 Oct", "2 Oct 2025", "Never"."""
    if at is None:
        return "Never"
    here, today = timezone.localtime(at), timezone.localtime(now).date()
    days = (today - here.date()).days
    if days <= 0:
        return f"{here:%H:%M}{', now' if now - at < NOW else ''}"
    if days == 1:
        return "Yesterday"
    day = f"{here.day} {here:%b}"
    if days < 7:
        return f"{here:%a} {day}"
    return day if here.year == today.year else f"{day} {here.year}"


def person_rows(people: Iterable[User], reader: User, administrators: set[int]) -> list[PersonRow]:
    """As many queries for many as for one."""
    found = list(people)
    pks = [each.pk for each in found]
    secured = set(
        Authenticator.objects.filter(user__in=pks, type=Authenticator.Type.TOTP).values_list("user", flat=True)
    )
    names = {each.id: each.name for each in settings.IDENTITY_PROVIDERS}
    providers: dict[int, list[str]] = {}
    for user, provider in SocialAccount.objects.filter(user__in=pks).order_by("pk").values_list("user", "provider"):
        providers.setdefault(user, []).append(names.get(provider, provider))
    return [
        PersonRow(each, reader, administrators == {each.pk}, each.pk in secured, providers.get(each.pk, []))
        for each in found
    ]
