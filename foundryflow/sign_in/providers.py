"""The identity providers of the settings: one by its issuer (OpenID Connect), and Microsoft Entra ID by its tenant."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from foundryflow.env import PREFIX, Environment, SettingError
from foundryflow.roles import Role

OIDC, ENTRA = "oidc", "entra"
WELL_KNOWN = "/.well-known/openid-configuration"
ENTRA_NAME = "Microsoft Entra ID"
ENTRA_AUTHORITY = "https://login.microsoftonline.com"
MANY_TENANTS = ("common", "organizations", "consumers")
GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


class Signup(StrEnum):
    """Whom a provider may bring along who has not been here before."""

    INVITED = "invited"  # whoever is known or invited
    GROUPS = "groups"  # whoever is in a group that means a role; nobody else, ever
    ANYONE = "anyone"  # whoever the provider lets in


@dataclass(frozen=True)
class IdentityProvider:
    """Who vouches for people, and what that means here."""

    id: str  # stands in the addresses
    name: str  # stands on the button
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    signup: Signup = Signup.INVITED
    groups: Mapping[str, Role] = field(default_factory=dict)
    groups_claim: str = "groups"
    links_by_email: bool = True

    @property
    def is_entra(self) -> bool:
        return self.id == ENTRA


def read_providers(env: Environment) -> list[IdentityProvider]:
    return [found for found in (read_oidc(env), read_entra(env)) if found]


def read_oidc(env: Environment) -> IdentityProvider | None:
    if not is_set(env, "OIDC_", "ISSUER"):
        return None
    issuer = checked_address(env.text("OIDC_ISSUER").removesuffix(WELL_KNOWN), "OIDC_ISSUER")
    scopes = env.text("OIDC_SCOPES", "openid profile email").replace(",", " ").split()
    return build_provider(
        env, "OIDC_", id=OIDC, issuer=issuer, name=env.text("OIDC_NAME") or urlsplit(issuer).hostname or issuer,
        scopes=tuple(dict.fromkeys(["openid", *scopes])),
    )  # fmt: skip


def read_entra(env: Environment) -> IdentityProvider | None:
    if not is_set(env, "ENTRA_", "TENANT"):
        return None
    tenant = env.text("ENTRA_TENANT").strip().lower()
    if tenant in MANY_TENANTS:
        raise SettingError(
            f"{PREFIX}ENTRA_TENANT is {tenant!r}, which lets in people of every tenant. Write the ID of yours: it"
            " stands in the Azure portal under Microsoft Entra ID, Overview, Tenant ID."
        )
    if not re.fullmatch(rf"{GUID}|[a-z0-9-]+(\.[a-z0-9-]+)+", tenant):
        raise SettingError(f"{PREFIX}ENTRA_TENANT is {tenant!r}; write the ID of your tenant, or its domain.")
    authority = checked_address(env.text("ENTRA_AUTHORITY", ENTRA_AUTHORITY).rstrip("/"), "ENTRA_AUTHORITY")
    return build_provider(
        env, "ENTRA_", id=ENTRA, issuer=f"{authority}/{tenant}/v2.0", name=env.text("ENTRA_NAME") or ENTRA_NAME
    )


def is_set(env: Environment, prefix: str, first: str) -> bool:
    """Raises SettingError when there is something, and not the one that the others belong to."""
    if env.text(prefix + first):
        return True
    if others := env.set_below(prefix):
        raise SettingError(f"{others[0]} is set, {PREFIX}{prefix}{first} is not. Set it, too, or remove the first.")
    return False


def build_provider(env: Environment, prefix: str, **known: Any) -> IdentityProvider:
    client_id, secret = env.text(f"{prefix}CLIENT_ID"), env.optional_secret(f"{prefix}CLIENT_SECRET")
    for name, value in (("CLIENT_ID", client_id), ("CLIENT_SECRET", secret)):
        if not value:
            raise SettingError(f"{PREFIX}{prefix}{name} is not set. The provider shows it where you register this app.")
    signup = Signup(env.one_of(f"{prefix}SIGNUP", list(Signup)))
    groups = read_groups(env, f"{prefix}GROUPS")
    if signup is Signup.GROUPS and not groups:
        raise SettingError(
            f"{PREFIX}{prefix}SIGNUP is groups, and {PREFIX}{prefix}GROUPS names none: nobody would get in. Write"
            " which group means which role, such as flow-admins=administrator,staff=reader."
        )
    return IdentityProvider(
        **known, client_id=client_id, client_secret=secret, signup=signup, groups=groups,
        groups_claim=env.text(f"{prefix}GROUPS_CLAIM") or "groups",
        links_by_email=env.flag(f"{prefix}LINK_BY_EMAIL", default=True),
    )  # fmt: skip


def read_groups(env: Environment, name: str) -> dict[str, Role]:
    """By commas, or by semicolons where the name of a group has a comma."""
    text = env.text(name)
    groups = {}
    for entry in filter(None, (part.strip() for part in text.split(";" if ";" in text else ","))):
        group, _, role = (part.strip() for part in entry.rpartition("="))
        if not group or role.lower() not in Role.values:
            raise SettingError(
                f"{PREFIX}{name} says {entry!r}; write group=role, by commas. Roles are {', '.join(Role.values)}."
            )
        groups[group] = Role(role.lower())
    return groups


def checked_address(text: str, name: str) -> str:
    if not is_safe_address(text) or "?" in text or "#" in text:
        raise SettingError(
            f"{PREFIX}{name} is {text!r}; write an address that begins with https://. Plain http is only taken from"
            " this machine itself."
        )
    return text


def is_safe_address(text: str) -> bool:
    """Whether what is sent there stays secret on its way: https, or this machine."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def password_sign_in(env: Environment, providers: list[IdentityProvider]) -> bool:
    """Raises SettingError when nobody could get in at all."""
    if env.flag("PASSWORD_SIGN_IN", default=True):
        return True
    if not providers:
        raise SettingError(
            f"{PREFIX}PASSWORD_SIGN_IN is false, and nothing else lets anybody in. Set {PREFIX}ENTRA_TENANT or"
            f" {PREFIX}OIDC_ISSUER with what belongs to them, or leave passwords on."
        )
    return False


def allauth_settings(providers: list[IdentityProvider]) -> dict[str, Any]:
    """As allauth wants to know them."""
    apps = [
        {
            "provider_id": each.id,
            "name": each.name,
            "client_id": each.client_id,
            "secret": each.client_secret,
            "settings": {"server_url": each.issuer, "scope": list(each.scopes)},
        }
        for each in providers
    ]
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": apps}}
