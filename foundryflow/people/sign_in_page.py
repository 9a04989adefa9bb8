"""How people come in and what each role may: as the settings say, to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from foundryflow.models import Account
from foundryflow.roles import ROLE_HINTS, Role


@dataclass(frozen=True)
class RoleLine:
    role: Role
    hint: str
    people: int  # active ones


@dataclass(frozen=True)
class SettingLine:
    """What counts, and the variable that decides it."""

    name: str
    value: str
    setting: str


def role_lines() -> list[RoleLine]:
    counts = Counter(Account.objects.filter(user__is_active=True).values_list("role", flat=True))
    return [RoleLine(role, ROLE_HINTS[role], counts[role]) for role in Role]


def setting_lines() -> Iterator[SettingLine]:
    passwords = settings.PASSWORD_SIGN_IN
    yield SettingLine("Password", "On" if passwords else "Off", "FOUNDRYFLOW_PASSWORD_SIGN_IN")
    for provider in settings.IDENTITY_PROVIDERS:
        prefix = f"FOUNDRYFLOW_{provider.id.upper()}_"
        yield SettingLine(provider.name, provider.issuer, f"{prefix}…")
        if provider.groups:
            groups = ", ".join(f"{group} is {role}" for group, role in provider.groups.items())
            yield SettingLine(f"Groups of {provider.name}", groups, f"{prefix}GROUPS")
    required = settings.TWO_FACTOR_REQUIRED
    asked = "Asked of everybody who signs in with a password" if required else "Optional"
    yield SettingLine("Two-factor", asked, "FOUNDRYFLOW_TWO_FACTOR")
    idle = f"{settings.SESSION_IDLE_SECONDS // 60} minutes without doing anything"
    yield SettingLine("Signed out after", idle, "FOUNDRYFLOW_SESSION_IDLE_MINUTES")
    yield SettingLine("In any case after", f"{settings.SESSION_COOKIE_AGE // 86_400} days", "FOUNDRYFLOW_SESSION_DAYS")
    yield SettingLine("Invitations end after", f"{settings.INVITATION_HOURS} hours", "FOUNDRYFLOW_INVITATION_HOURS")
    yield SettingLine("Mail server", settings.EMAIL_HOST or "None: links are handed on", "FOUNDRYFLOW_EMAIL_URL")
