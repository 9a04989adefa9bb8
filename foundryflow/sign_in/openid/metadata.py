"""What an identity provider says of itself: its addresses and its keys. Kept for minutes, in the process."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import jwt

from foundryflow.sign_in.openid.client import ask
from foundryflow.sign_in.openid.faults import ProviderFault, nonsense, unreachable
from foundryflow.sign_in.providers import GUID, WELL_KNOWN, IdentityProvider, is_safe_address

FRESH = 600.0  # seconds that the document is believed without asking again


@dataclass
class Metadata:
    """The document of a provider, and the keys that it signs with as far as they are known."""

    issuer: str
    authorization: str
    token: str
    jwks: str
    userinfo: str = ""
    posts_secret: bool = False  # the client secret goes into the form; else into the header
    says_issuer: bool = False  # an answer to the browser names its issuer (RFC 9207)
    read_at: float = field(default_factory=time.monotonic)
    keys: list[jwt.PyJWK] | None = None


_known: dict[str, Metadata] = {}
_failed: dict[str, tuple[float, ProviderFault]] = {}  # when, and how it went
_one_asks = Lock()


def metadata_of(provider: IdentityProvider) -> Metadata:
    """Raises ProviderFault. One asks; whoever comes meanwhile gets the same answer, also that there is none."""
    came = time.monotonic()
    if known := fresh(provider):
        return known
    with _one_asks:
        if known := fresh(provider):
            return known
        at, fault = _failed.get(provider.issuer, (0.0, None))
        if fault and at > came:
            raise ProviderFault(fault.sentence, fault.reason, is_outage=fault.is_outage)
        try:
            known = _known[provider.issuer] = read_metadata(provider)
        except ProviderFault as fault:
            _failed[provider.issuer] = time.monotonic(), fault
            raise
        return known


def fresh(provider: IdentityProvider) -> Metadata | None:
    known = _known.get(provider.issuer)
    return known if known and time.monotonic() - known.read_at <= FRESH else None


def forget_metadata(provider: IdentityProvider | None = None) -> None:
    """So that it is asked for again: something did not fit."""
    if provider is None:
        _known.clear()
    else:
        _known.pop(provider.issuer, None)


def read_metadata(provider: IdentityProvider) -> Metadata:
    answer = ask(provider.name, "GET", provider.issuer.rstrip("/") + WELL_KNOWN)
    said = answer.body
    if answer.status != 200:
        raise unreachable(provider.name, f"its configuration answered {answer.status}")
    check_issuer(provider, said.get("issuer"))
    methods = said.get("token_endpoint_auth_methods_supported")
    return Metadata(
        issuer=said["issuer"],
        authorization=endpoint(provider, said, "authorization_endpoint"),
        token=endpoint(provider, said, "token_endpoint"),
        jwks=endpoint(provider, said, "jwks_uri"),
        userinfo=endpoint(provider, said, "userinfo_endpoint") if said.get("userinfo_endpoint") else "",
        posts_secret=isinstance(methods, list) and "client_secret_post" in methods,
        says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
    )


def check_issuer(provider: IdentityProvider, said: Any) -> None:
    """The document is the one of the issuer that was configured, and of no other."""
    if not isinstance(said, str):
        raise nonsense(provider.name, "its configuration names no issuer")
    if said.rstrip("/") == provider.issuer.rstrip("/"):
        return
    if provider.is_entra and not re.search(rf"/{GUID}/v2\.0$", provider.issuer):  # a domain: it says the number
        authority = re.escape(provider.issuer.rsplit("/", 2)[0])
        if re.fullmatch(rf"{authority}/{GUID}/v2\.0", said):
            return
    raise nonsense(provider.name, f"its configuration is that of another issuer: {said[:200]!r}")


def endpoint(provider: IdentityProvider, said: dict[str, Any], name: str) -> str:
    address = said.get(name)
    if not isinstance(address, str) or not is_safe_address(address):
        raise nonsense(provider.name, f"{name} of its configuration is no address that begins with https://")
    return address


def signing_keys(provider: IdentityProvider, metadata: Metadata, *, again: bool = False) -> list[jwt.PyJWK]:
    """Those of the provider, asked for again where a token is signed with one that is not known."""
    if metadata.keys is None or again:
        answer = ask(provider.name, "GET", metadata.jwks)
        entries = answer.body.get("keys")
        if answer.status != 200 or not isinstance(entries, list):
            raise nonsense(provider.name, f"its keys answered {answer.status} and no list of keys")
        metadata.keys = [key for key in map(key_of, entries) if key]
    return metadata.keys


def key_of(entry: Any) -> jwt.PyJWK | None:
    """None for what is no key to sign with, or one of a kind that we do not take."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    try:
        return jwt.PyJWK.from_dict(entry)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
