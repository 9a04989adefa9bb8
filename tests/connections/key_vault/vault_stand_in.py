"""Answers like Azure Key Vault, over TLS: challenges, versions, attributes and errors, as its reference says them."""

from __future__ import annotations

import datetime
import ipaddress
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TOKEN = "planted-token-for-the-vault-91c4"
RESOURCE = "https://vault.azure.net"
AUTHORITY = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47"
# Codes and messages of the service: status, code, innermost code, message.
REFUSALS = {
    "by-role": (403, "Forbidden", "ForbiddenByRbac", "Caller is not authorized to perform action on resource."),
    "by-policy": (403, "Forbidden", "AccessDenied", "The user, group or application does not have secrets get."),
    "by-firewall": (403, "Forbidden", "ForbiddenByFirewall", "Client address is not authorized."),
    "bad": (400, "BadParameter", "", "The request URI contains an invalid name."),
    "broken": (500, "InternalServerError", "", "Something went wrong."),
}


def certificate(folder: Path, *hosts: str) -> Path:
    """A certificate of loopback and these names that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault under test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [*map(x509.DNSName, ("localhost", *hosts)), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "certificate.pem"
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@dataclass
class StandIn:
    """`secrets` are versions by name, the newest last: (version, value, attributes)."""

    secrets: dict[str, list[tuple[str, str, dict[str, Any]]]] = field(default_factory=dict)
    resource: str = RESOURCE
    throttled: int = 0  # requests that are still turned away
    retry_after: str = "0"
    expired: set[str] = field(default_factory=set)  # tokens that are no more accepted
    shown: list[str] = field(default_factory=list)  # tokens that came, empty where none did

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, more, body = self.answer(scope["path"], headers.get("authorization", "").removeprefix("Bearer "))
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(content)).encode())]
        lines += [(name.encode(), value.encode()) for name, value in more.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": content})

    def answer(self, path: str, token: str) -> tuple[int, dict[str, str], Any]:
        self.shown.append(token)
        _, collection, name, *version = path.split("/")
        if not token.startswith(TOKEN) or token in self.expired:
            challenge = f'Bearer authorization="{AUTHORITY}", resource="{self.resource}"'
            message = "AKV10000: Request is missing a Bearer or PoP token."
            return 401, {"WWW-Authenticate": challenge}, refusal("Unauthorized", "", message)
        if self.throttled:
            self.throttled -= 1
            return 429, {"Retry-After": self.retry_after}, refusal("Throttled", "", "Too many requests.")
        if name == "elsewhere":
            return 302, {"Location": "https://evil.example/secrets/x"}, b""
        if name == "endless":
            return 200, {}, b'{"value": "' + b"x" * 2_000_000 + b'"}'
        if name == "page":
            return 200, {}, b"<html>Sign in to the proxy</html>"
        if name in REFUSALS:
            status, code, inner, message = REFUSALS[name]
            return status, {}, refusal(code, inner, f"{message} {token}")
        wanted = version[0] if version else ""
        known = [each for each in self.secrets.get(name, []) if wanted in ("", each[0])]
        if collection != "secrets" or not known:
            said = f"A secret with (name/id) {name} was not found in this key vault."
            return 404, {}, refusal("SecretNotFound", "", said)
        version_of, value, attributes = known[-1]
        if attributes.get("enabled") is False:
            return 403, {}, refusal("Forbidden", "SecretDisabled", "Operation get is not allowed on a disabled secret.")
        now = int(time.time())
        attributes = {"enabled": True, "created": now, "updated": now, "recoveryLevel": "Recoverable", **attributes}
        return 200, {}, {"value": value, "id": f"{RESOURCE}/secrets/{name}/{version_of}", "attributes": attributes}


def refusal(code: str, inner: str, message: str) -> dict[str, Any]:
    error = {"code": code, "message": message, **({"innererror": {"code": inner}} if inner else {})}
    return {"error": error}
