"""The key -> the header that carries it.

Azure routes take a key as api-key and read a bearer key as a token; serverless and all others want a bearer.
"""

from __future__ import annotations

from connections.endpoint import Endpoint, KeyHeader
from connections.foundry.errors import ErrorKind, FoundryError
from connections.secret import Secret


def key_headers(endpoint: Endpoint, key: Secret) -> dict[str, str]:
    """No header without a key: servers on one's own machine need none. Raises FoundryError."""
    value = key.reveal()
    if not value:
        return {}
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise FoundryError(
            ErrorKind.AUTH_KEY,
            "The key holds a character that no key has. Nothing was sent.",
            "Copy key 1 or 2 again, without blanks and line ends.",
        )
    return {"api-key": value} if endpoint.key_header is KeyHeader.API_KEY else {"Authorization": f"Bearer {value}"}
