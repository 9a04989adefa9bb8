"""Secrets in environment variables of the server, of which an administrator lists those that flows may read."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from connections.secret import Secret
from flows.language.errors import ActionError

LARGEST = 64 * 1024  # bytes of a file


def read_environment_secret(name: str) -> Secret:
    """What the variable holds, or the file that NAME_FILE names. Blocks. Raises ActionError."""
    if name not in settings.ENVIRONMENT_SECRETS:
        raise ActionError(
            "not_listed",
            "Flows may not read an environment variable of that name.",
            "An administrator lists it in FOUNDRYFLOW_ENVIRONMENT_SECRETS.",
        )
    path = os.environ.get(f"{name}_FILE", "")
    if not (value := read_secret_file(name, Path(path)) if path else os.environ.get(name, "")):
        raise ActionError(
            "variable_missing",
            f"The environment variable {name} is {'empty' if path else 'not set'} on this server.",
            f"An administrator sets it, or {name}_FILE, where the server and its workers start.",
        )
    return Secret(value)


def read_secret_file(name: str, path: Path) -> str:
    """Read anew each time, so that a file may be replaced while the server goes on."""
    try:
        with path.open("rb") as file:
            read = file.read(LARGEST + 1)
        if len(read) <= LARGEST:
            return read.decode().strip()
        why = "it is too large"
    except OSError as error:
        why = error.strerror or "it cannot be read"
    except ValueError:
        why = "it is no text"
    raise ActionError("variable_missing", f"The file that {name}_FILE names is of no use: {why}.", "Check the file.")
