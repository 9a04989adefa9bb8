"""From the code that a browser brings back to an ID token that is believed."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import quote

import jwt
from django.utils import timezone

from foundryflow.sign_in.openid.client import ask
from foundryflow.sign_in.openid.faults import ProviderFault, nonsense, untrusted
from foundryflow.sign_in.openid.metadata import Metadata, forget_metadata, signing_keys
from foundryflow.sign_in.providers import IdentityProvider

# No HS256, whose key would be the client secret, and never none.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY = 60  # seconds by which two clocks may differ
WHYS = {
    jwt.InvalidSignatureError: "its signature does not fit",
    jwt.InvalidAudienceError: "it is meant for another application",
    jwt.InvalidIssuerError: "it comes from another issuer",
    jwt.InvalidAlgorithmError: "it is signed in a way that is not accepted",
}
CLOCKS = (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError)


def exchange_code(
    provider: IdentityProvider, metadata: Metadata, code: str, *, callback: str, verifier: str
) -> dict[str, Any]:
    """What the provider gives for the code: an ID token and an access token."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier}
    sent: dict[str, Any] = {"data": form}
    if metadata.posts_secret:
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    else:
        sent["auth"] = (quote(provider.client_id, safe=""), quote(provider.client_secret, safe=""))
    try:
        answer = ask(provider.name, "POST", metadata.token, **sent)
    except ProviderFault:
        forget_metadata(provider)
        raise
    if answer.status != 200:
        raise code_fault(provider, answer.status, answer.body.get("error"))
    if not isinstance(answer.body.get("id_token"), str):
        raise nonsense(provider.name, "it gave no ID token for the code")
    return answer.body


def code_fault(provider: IdentityProvider, status: int, error: Any) -> ProviderFault:
    said = error if isinstance(error, str) and error.isascii() and error.isprintable() else ""
    reason = f"the code was answered {status} {said[:60]}".strip()
    if said in ("invalid_client", "unauthorized_client"):
        sentence = f"{provider.name} does not accept the client secret of this server. Tell an administrator."
        return ProviderFault(sentence, reason)
    sentence = f"{provider.name} did not accept the answer that your browser brought. Log in again."
    return ProviderFault(sentence, reason)


def verified_claims(provider: IdentityProvider, metadata: Metadata, token: str, nonce: str) -> dict[str, Any]:
    """What the ID token says. Raises ProviderFault unless it is signed, fresh, and meant for this attempt of ours."""
    claims = decode(provider, metadata, token)
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise untrusted(provider.name, "it belongs to another attempt to log in")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", provider.client_id if not several else None) != provider.client_id:
        raise untrusted(provider.name, "it was given to another application")
    return claims


def decode(provider: IdentityProvider, metadata: Metadata, token: str) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise nonsense(provider.name, "its ID token cannot be read") from None
    try:
        return decode_with(key_for(provider, metadata, header), provider, metadata, token)
    except jwt.InvalidSignatureError:
        pass  # the key may be another one under the same name by now
    except jwt.PyJWTError as error:
        raise fault_of(provider, error) from None
    try:
        return decode_with(key_for(provider, metadata, header, again=True), provider, metadata, token)
    except jwt.PyJWTError as error:
        raise fault_of(provider, error) from None


def decode_with(key: jwt.PyJWK, provider: IdentityProvider, metadata: Metadata, token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token, key.key, algorithms=algorithms_of(key), audience=provider.client_id, issuer=metadata.issuer,
        leeway=LEEWAY, options={"require": ["exp", "iat", "iss", "aud", "sub"]},
    )  # fmt: skip
    return claims


def algorithms_of(key: jwt.PyJWK) -> list[str]:
    """An RSA key may be used with any of its algorithms; what a key says of itself is not needed for that."""
    starts = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("Ed",)}[str(key.key_type)]
    return [name for name in ALGORITHMS if name.startswith(starts)]


def key_for(
    provider: IdentityProvider, metadata: Metadata, header: dict[str, Any], *, again: bool = False
) -> jwt.PyJWK:
    """The key that the token names; asked for again when it is not among those that are known."""
    if header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError
    for refresh in (again, True):
        keys, kid = signing_keys(provider, metadata, again=refresh), header.get("kid")
        if kid is None and len(keys) == 1:
            return keys[0]
        for key in keys:
            if kid is not None and key.key_id == kid:
                return key
    raise jwt.InvalidSignatureError


def fault_of(provider: IdentityProvider, error: jwt.PyJWTError) -> ProviderFault:
    if isinstance(error, CLOCKS):
        clock = timezone.now().strftime("%H:%M:%S")
        return ProviderFault(
            f"The answer of {provider.name} is over already, or not valid yet. Here it is {clock} UTC: if that is"
            " wrong, an administrator sets the clock of this server; else log in again.",
            "the times of its ID token do not fit the clock of this server",
        )
    why = next((why for kind, why in WHYS.items() if isinstance(error, kind)), "something is missing in it")
    return untrusted(provider.name, why)
