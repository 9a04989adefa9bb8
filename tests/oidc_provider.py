"""A strict identity provider on loopback: discovery, authorization with PKCE, token, keys that rotate, userinfo.

It refuses what OpenID Connect lets it refuse, and does wrong what a test asks it to.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "foundryflow-tests", "a secret: with/signs & more"


@dataclass(frozen=True)
class Broken:
    """What an address answers instead of what it should."""

    status: int = 200
    body: bytes = b""
    delay: float = 0
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0  # seconds between single bytes


class SigningKey:
    def __init__(self) -> None:
        self.kid = secrets.token_hex(4)
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public(self) -> dict[str, Any]:
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        return {**jwk, "kid": self.kid, "use": "sig", "alg": "RS256"}


class OidcProvider:
    """The ASGI application. `issuer` is its address, told once it listens."""

    def __init__(self) -> None:
        self.issuer = ""
        self.path = ""  # below which it lives
        self.reset()

    def reset(self) -> None:
        self.keys = [SigningKey()] if not getattr(self, "keys", None) else self.keys[-1:]
        self.person: dict[str, Any] = {
            "sub": "ada-1", "email": "ada@contoso.example", "email_verified": True, "name": "Ada Nilsen"
        }  # fmt: skip
        self.userinfo: dict[str, Any] | None = None  # else what the person is
        self.in_token: set[str] | None = None  # claims that the ID token has; None: all
        self.auth_method = "client_secret_basic"
        self.denies = ""  # the error that the browser brings back instead of a code
        self.asks = False  # shows a page first
        self.broken: dict[str, Broken] = {}
        self.spoil: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.configuration: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.refused: list[str] = []

    def rotate_keys(self, *, keep: bool = False) -> None:
        self.keys = [*(self.keys if keep else []), SigningKey()]

    def signed(self, claims: dict[str, Any]) -> str:
        key = self.keys[-1]
        return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})

    # ---- ASGI

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        name = scope["path"].removeprefix(self.path).strip("/")
        self.asked.append(name)
        if broken := self.broken.get(name):
            return await answer_broken(send, broken)
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode()))
        form = dict(parse_qsl(body.decode()))
        status, found, more = self.route(scope["method"], name, query=query, form=form, headers=headers)
        raw = found.encode() if isinstance(found, str) else json.dumps(found).encode()
        kind = "text/html" if isinstance(found, str) else "application/json"
        await answer(send, status, raw, {"content-type": kind, **more})

    def route(self, method: str, name: str, **sent: Any) -> tuple[int, Any, dict[str, str]]:
        match method, name:
            case "GET", ".well-known/openid-configuration":
                return 200, self.discovery(), {}
            case "GET", "keys":
                return 200, {"keys": [key.public() for key in self.keys]}, {}
            case "GET", "authorize":
                return self.authorize(sent["query"])
            case "POST", "token":
                return self.token(sent["form"], sent["headers"])
            case "GET", "userinfo":
                token = sent["headers"].get("authorization", "").removeprefix("Bearer ")
                known = self.tokens.get(token)
                return (200, known, {}) if known else (401, {"error": "invalid_token"}, {})
        return 404, {"error": "not_found"}, {}

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": [self.auth_method],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.configuration,
        }

    def authorize(self, query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        wrong = [
            name
            for name, is_right in {
                "client_id": query.get("client_id") == CLIENT_ID,
                "response_type": query.get("response_type") == "code",
                "scope": "openid" in query.get("scope", "").split(),
                "state": len(query.get("state", "")) >= 16,
                "nonce": len(query.get("nonce", "")) >= 16,
                "code_challenge": len(query.get("code_challenge", "")) == 43,
                "code_challenge_method": query.get("code_challenge_method") == "S256",
                "redirect_uri": query.get("redirect_uri", "").endswith("/callback/"),
            }.items()
            if not is_right
        ]
        if wrong:
            self.refused += wrong
            return 400, {"error": "invalid_request", "wrong": wrong}, {}
        back = {"state": query["state"], "iss": self.issuer}
        if self.denies:
            back |= {"error": self.denies, "error_description": "<b>no</b>"}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = query
            back |= {"code": code}
        address = f"{query['redirect_uri']}?{urlencode(back)}"
        if self.asks:
            return 200, f'<h1>Provider</h1><a href="{address.replace("&", "&amp;")}">Continue as Ada</a>', {}
        return 302, "", {"location": address}

    def token(self, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        if not self.is_client(form, headers):
            return 401, {"error": "invalid_client"}, {}
        begun = self.codes.pop(form.get("code", ""), None)  # once
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        fits = (
            begun is not None
            and form.get("grant_type") == "authorization_code"
            and begun["redirect_uri"] == form.get("redirect_uri")
            and begun["code_challenge"] == challenge.rstrip(b"=").decode()
        )
        if not fits or begun is None:
            return 400, {"error": "invalid_grant"}, {}
        access, now = secrets.token_urlsafe(16), int(time.time())
        self.tokens[access] = self.userinfo if self.userinfo is not None else self.person
        says = {k: v for k, v in self.person.items() if self.in_token is None or k in self.in_token | {"sub"}}
        claims = {
            **says, "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": begun["nonce"]
        }  # fmt: skip
        token = self.sign(self.spoil(claims))
        return 200, {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": token}, {}

    def is_client(self, form: dict[str, str], headers: dict[str, str]) -> bool:
        if self.auth_method == "client_secret_post":
            return form.get("client_id") == CLIENT_ID and form.get("client_secret") == CLIENT_SECRET
        sent = base64.b64decode(headers.get("authorization", "").removeprefix("Basic ")).decode().partition(":")
        return (unquote(sent[0]), unquote(sent[2])) == (CLIENT_ID, CLIENT_SECRET) and quote(CLIENT_ID) == sent[0]


async def answer(send: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def answer_broken(send: Any, broken: Broken) -> None:
    await asyncio.sleep(broken.delay)
    if not broken.drip:
        return await answer(send, broken.status, broken.body, broken.headers)
    await send({"type": "http.response.start", "status": broken.status, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(broken.drip)
