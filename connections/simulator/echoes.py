"""Deployments that send the key back that they are called with, as services and gateways do. `faults.py` lists them."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from connections.simulator.refusals import SimulatedRefusal, error_refusal

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "capitals": str.upper,
    "escaped": lambda key: "".join(f"\\u{ord(sign):04x}" for sign in key),
    "percent": lambda key: "".join(f"%{byte:02X}" for byte in key.encode()),
    "partly": lambda key: "".join(f"%{ord(sign):02x}" if n % 2 else sign for n, sign in enumerate(key)),
    "quoted": lambda key: quote(key, safe=""),
    "html": lambda key: "".join(f"&#{ord(sign)};" for sign in html.escape(key)),
    "hex": lambda key: key.encode().hex(),
    "base64": lambda key: base64_text(key),
    "base64-1": lambda key: base64_text(f"?{key}?"),
    "base64-2": lambda key: base64_text(f"??{key}??"),
    "base64url": lambda key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
    "basic": lambda key: "Basic " + base64_text(f"user:{key}"),
    "bearer": "Bearer {}".format,
}
NAME = re.compile(rf"echo-key-(text|fields|error|late|html|header|stream)(?:-({'|'.join(FORMS)}))?")
FAR = 40_000  # characters before an echo that comes late


def base64_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def place_of(deployment: str) -> str:
    """Where the key stands in the answer; empty for other deployments."""
    found = NAME.fullmatch(deployment)
    return found[1] if found else ""


def echo_of(deployment: str, headers: Mapping[str, str]) -> str:
    """The key of the request in the form that the deployment sends it back; empty for other deployments."""
    found = NAME.fullmatch(deployment)
    bearer = headers.get("authorization", "").partition(" ")[2]
    names = ("api-key", "x-api-key", "ocp-apim-subscription-key")
    key = next((headers[name] for name in names if headers.get(name)), bearer)
    return FORMS[found[2] or "plain"](key) if found and key else ""


def echo_headers(deployment: str, echo: str) -> dict[str, str]:
    if place_of(deployment) != "header":
        return {}
    return dict.fromkeys(("apim-request-id", "x-request-id", "x-ms-region", "www-authenticate"), f"for {echo}")


def echo_refusal(deployment: str, echo: str) -> SimulatedRefusal | None:
    match place_of(deployment):
        case "error":
            more = {"param": echo, "innererror": {"code": echo, "message": f"Key {echo}"}, "type": echo}
            return error_refusal(400, echo, f"The key {echo} is not welcome.", **more)
        case "late":
            return error_refusal(400, "BadRequest", f"{'.' * FAR} The key {echo} is not welcome.")
    return None
