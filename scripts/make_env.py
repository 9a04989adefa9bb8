"""Writes a private .env with a secret key and an encryption key; leaves an existing one alone."""

import base64
import os
import secrets
from pathlib import Path

target = Path(__file__).resolve().parent.parent / ".env"
lines = [
    "# Private to this installation. Back it up: without the encryption key no stored API key can be read.",
    f"FOUNDRYFLOW_SECRET_KEY={secrets.token_urlsafe(50)}",
    f"FOUNDRYFLOW_ENCRYPTION_KEY={base64.urlsafe_b64encode(os.urandom(32)).decode()}",
    "",
]
try:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
except FileExistsError:
    print(f"{target.name} is already there.")
else:
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines))
    print(f"Wrote {target.name} with new keys.")
