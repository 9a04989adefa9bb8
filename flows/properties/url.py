"""The URL of any service: a text in which no secret may stand, and none that does is recorded."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connections.endpoint.embedded_secrets import names_a_secret
from flows.properties.address import AddressProperty
from flows.properties.base import declare
from flows.properties.named_values import names_secret


class UrlProperty(AddressProperty):
    kind = "url"

    def refuse(self, value: Any) -> str:
        return secret_in_url(value) if isinstance(value, str) else ""


def url(label: str, **more: Any) -> Any:
    return declare(UrlProperty(label=label, **more))


def secret_in_url(text: str) -> str:
    """Why a URL, or a template of one, holds a secret, in a sentence; empty when it holds none."""
    filled = re.sub(r"\{\{.*?\}\}", "x", text, flags=re.DOTALL)
    try:
        parts = urlsplit(filled)
        has_user = parts.username or parts.password
    except ValueError:
        return ""  # no URL at all, which a run says
    if has_user:
        return "A user name stands in the URL. Use Authentication."
    if name := next((name for name, _ in parse_qsl(parts.query) if names_secret(name)), ""):
        return f"{name[:60]} stands in the URL, where it can be read. Move it to Query parameters or Headers."
    if names_a_secret(parts.path):
        return "A secret stands in the path of the URL. Move it to Headers."
    return ""
