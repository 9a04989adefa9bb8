"""What may be stored in the audit log: short, printable, and without a secret, whoever typed it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from foundryflow.logs import mask_secrets

MASK = "••••"
# Keys of our API, and credentials that somebody has pasted where they do not belong.
CREDENTIALS = re.compile(r"ffk?_\w*?[\w-]{24,}|(?i:bearer|basic)\s+[\w.~+/=-]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
MOST_ITEMS, DEEPEST, LONGEST_DATA = 50, 4, 4_000
LONGEST_READ = 10_000  # characters of a text that are looked at; no secret hides behind a cut inside them


def safe_text(text: str, most: int) -> str:
    """With masks for secrets, without control characters and signs that turn the direction, at most so long."""
    masked = mask_credentials(str(text)[:LONGEST_READ])
    shown = "".join(letter if letter.isprintable() else " " if letter in "\t\n\r" else "�" for letter in masked)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def mask_credentials(text: str) -> str:
    mask = mask_secrets.get()
    return CREDENTIALS.sub(MASK, mask(text) if mask else text)


def safe_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same of JSON, which is dropped where it is too long to be kept."""
    safe: dict[str, Any] = safe_value(data, DEEPEST)
    return safe if len(json.dumps(safe)) <= LONGEST_DATA else {"left_out": "It was too long."}


def safe_value(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth:
        items = list(value.items())[:MOST_ITEMS]
        return {safe_text(name, 100): safe_value(each, depth - 1) for name, each in items}
    if isinstance(value, list | tuple) and depth:
        return [safe_value(each, depth - 1) for each in value[:MOST_ITEMS]]
    return safe_text(value, 500)
