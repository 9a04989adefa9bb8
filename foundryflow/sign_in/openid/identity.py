"""Whom an identity provider vouches for, read from what it says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from foundryflow.roles import Role
from foundryflow.sign_in.logged_names import is_email
from foundryflow.sign_in.openid.client import ask
from foundryflow.sign_in.openid.faults import nonsense, untrusted
from foundryflow.sign_in.openid.metadata import Metadata
from foundryflow.sign_in.providers import IdentityProvider

TRUE = (True, 1, "true", "True", "1")
LONGEST_SUBJECT = 255  # characters, as OpenID Connect has it


@dataclass(frozen=True)
class ProviderIdentity:
    """A person as their provider knows them."""

    issuer: str
    subject: str  # never given to anybody else
    email: str = ""
    email_is_verified: bool = False
    name: str = ""
    groups: tuple[str, ...] = ()
    too_many_groups: bool = False  # Entra sends none above 200

    @property
    def uid(self) -> str:
        """Of this person at this issuer: another issuer under the same settings knows other people."""
        return hashlib.sha256(f"{self.issuer}\n{self.subject}".encode()).hexdigest()

    def role_of(self, provider: IdentityProvider) -> tuple[Role, str] | None:
        """The highest role that a group means, and that group."""
        found = [(provider.groups[group], group) for group in self.groups if group in provider.groups]
        return max(found, key=lambda each: each[0].rank, default=None)


def identity_of(
    provider: IdentityProvider, metadata: Metadata, claims: dict[str, Any], access_token: Any
) -> ProviderIdentity:
    """Asks for what the ID token leaves out. Raises ProviderFault."""
    more = {} if is_complete(provider, claims) else userinfo(provider, metadata, access_token)
    if more.get("sub", claims["sub"]) != claims["sub"]:
        raise untrusted(provider.name, "it speaks of two people")
    said = {**more, **claims}
    email, is_verified = email_of(provider, claims, more)
    groups = groups_of(said, provider.groups_claim)
    return ProviderIdentity(
        issuer=metadata.issuer,
        subject=subject_of(provider, claims),
        email=email,
        email_is_verified=is_verified,
        name=full_name_of(said),
        groups=groups,
        too_many_groups=not groups and has_overage(said, provider.groups_claim),
    )  # fmt: skip


def is_complete(provider: IdentityProvider, claims: dict[str, Any]) -> bool:
    if provider.is_entra:  # its userinfo says nothing that the token leaves out
        return True
    wanted = {"email", "email_verified", "name"} | ({provider.groups_claim} if provider.groups else set())
    return wanted <= claims.keys()


def userinfo(provider: IdentityProvider, metadata: Metadata, access_token: Any) -> dict[str, Any]:
    if not metadata.userinfo or not isinstance(access_token, str):
        return {}
    headers = {"Authorization": f"Bearer {access_token}"}
    try:
        answer = ask(provider.name, "GET", metadata.userinfo, headers=headers)
    except UnicodeEncodeError:
        raise nonsense(provider.name, "its access token cannot be sent") from None
    if answer.status != 200 or not isinstance(answer.body.get("sub"), str):
        raise nonsense(provider.name, f"{metadata.userinfo} answered {answer.status} and nobody's name")
    return answer.body


def subject_of(provider: IdentityProvider, claims: dict[str, Any]) -> str:
    """For Entra the object ID, which is the same for every application of the tenant."""
    subject = claims.get("oid" if provider.is_entra else "sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise nonsense(provider.name, "it does not say who this is")
    return subject


def email_of(provider: IdentityProvider, claims: dict[str, Any], more: dict[str, Any]) -> tuple[str, bool]:
    """Where the address stands, it is said there whether it is verified. Entra says so in a claim of its own."""
    verified = "xms_edov" if provider.is_entra else "email_verified"
    sources = [source for source in (claims, more) if is_email(text_of(source.get("email")))]
    marked = [source for source in sources if verified in source]
    if marked:
        return text_of(marked[0]["email"]), marked[0][verified] in TRUE
    others = [*(source["email"] for source in sources), claims.get("preferred_username") if provider.is_entra else ""]
    return next((text for text in map(text_of, others) if is_email(text)), ""), False


def full_name_of(said: dict[str, Any]) -> str:
    parts = text_of(said.get("given_name")), text_of(said.get("family_name"))
    return text_of(said.get("name")) or " ".join(filter(None, parts))


def groups_of(said: dict[str, Any], claim: str) -> tuple[str, ...]:
    """A list, or one text; `realm_access.roles` means the roles inside of realm_access."""
    found: Any = said.get(claim)
    if found is None and "." in claim:
        found = said
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, str):
        return (found,)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def has_overage(said: dict[str, Any], claim: str) -> bool:
    elsewhere = said.get("_claim_names")
    return (isinstance(elsewhere, dict) and claim in elsewhere) or said.get("hasgroups") in TRUE


def text_of(value: Any) -> str:
    return "".join(letter for letter in value[:150] if letter.isprintable()).strip() if isinstance(value, str) else ""
