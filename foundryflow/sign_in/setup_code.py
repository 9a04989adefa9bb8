"""The code that proves who sets the server up: printed on its console, the same in every process."""

from __future__ import annotations

import base64
import hmac

from django.conf import settings


def setup_code() -> str:
    """Such as K7QF-2M9P; derived from the secret key, so nothing has to be stored."""
    digest = hmac.digest(settings.SECRET_KEY.encode(), b"foundryflow first run", "sha256")
    letters = base64.b32encode(digest).decode()[:8]
    return f"{letters[:4]}-{letters[4:]}"


def is_setup_code(text: str) -> bool:
    return hmac.compare_digest(text.strip().upper().encode(), setup_code().encode())
