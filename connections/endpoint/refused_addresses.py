"""Texts that look like an address of a model and are none: a key, a word, a portal, another service. Each is refused
with what to paste instead."""

from __future__ import annotations

import ipaddress
import re

from connections.endpoint.embedded_secrets import is_bare_key
from connections.endpoint.endpoint import EndpointError, SecretInEndpoint
from connections.endpoint.hosts import (
    AZURE_MODEL,
    MANAGEMENT,
    PORTALS,
    PORTALS_WITHOUT_ENDPOINTS,
    SCORING,
    is_or_is_below,
)

LONGEST_LABEL = 63  # of a host name
NOT_A_KEY = (
    "This is a key, not an address.",
    "It belongs into API key; here goes the address, such as https://NAME.openai.azure.com/openai/v1.",
)
NOT_A_WORD = (
    "This is not a web address, only a word.",
    "Copy the whole endpoint from the portal; it looks like https://NAME.openai.azure.com/openai/v1.",
)
NO_ADDRESS = ("This is not a web address.", "It looks like https://NAME.openai.azure.com/openai/v1.")


def check_word(text: str) -> None:
    """Refuses what is one word: a key, or a name that only a scheme, a port or a path makes a host."""
    bare = re.sub(r"^https?://", "", text, flags=re.IGNORECASE).rstrip("/")
    has_scheme, host = "://" in text, re.split(r"[/?#]", bare, maxsplit=1)[0]
    if re.fullmatch(r"sk-[\w-]+", host) or (not has_scheme and is_bare_key(bare)):
        raise SecretInEndpoint(*NOT_A_KEY)
    if bare and not has_scheme and not re.search(r"[.:/?#]", bare) and bare.lower() != "localhost":
        raise EndpointError(*NOT_A_WORD)


def check_address(scheme: str, username: str | None, hostname: str) -> None:
    if scheme not in ("http", "https"):
        raise EndpointError("This is not a web address.", "An endpoint begins with https://.")
    if username is not None:
        raise SecretInEndpoint(
            "There is a user name or key inside the address.",
            "Remove everything before the @; the key has a field of its own.",
        )
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f]*:[0-9a-f:.]+", hostname) or ".." in hostname:
        raise EndpointError(*NO_ADDRESS)
    if any(len(label) > LONGEST_LABEL for label in hostname.split(".")):
        raise EndpointError(*NO_ADDRESS)
    if is_odd_number(hostname) or hostname in ("http", "https"):
        raise EndpointError(*NO_ADDRESS)
    if f".{hostname}" in AZURE_MODEL:
        raise EndpointError(
            "The name of the resource is missing.", f"It stands before the rest: https://NAME.{hostname}/openai/v1."
        )
    if hostname in MANAGEMENT:
        raise EndpointError(
            "This address manages resources, it answers no prompt.",
            "Copy the endpoint of the resource; it looks like https://NAME.openai.azure.com/openai/v1.",
        )
    # Below the other portals are hosts of endpoints.
    if hostname in PORTALS or is_or_is_below(hostname, PORTALS_WITHOUT_ENDPOINTS):
        raise EndpointError(
            "This is the portal page, not an endpoint.",
            "In the portal open the deployment, tab Code, and copy the endpoint.",
        )


def is_odd_number(hostname: str) -> bool:
    """127.1 and 2130706433: sockets take them for addresses, so they are not taken for names here."""
    if not hostname.replace(".", "").isdigit():
        return False
    try:
        ipaddress.ip_address(hostname)
    except ValueError:
        return True
    return False


def check_path(hostname: str, path: str) -> None:
    """Refuses what another service answers on the host of a model."""
    if hostname.endswith(SCORING) and path.rstrip("/").endswith("/score"):
        raise EndpointError(
            "This address scores, it does not chat.",
            f"Where the model speaks chat completions, they are at https://{hostname}/v1.",
        )
