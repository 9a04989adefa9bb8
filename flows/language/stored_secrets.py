"""What stands in a document for a literal secret, which itself is in encrypted storage: `{"secret": key}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LEFT_OUT = {"secret": "left-out"}  # of a secret that did not leave the server
KEY = re.compile(r"s[0-9a-f]{12}")  # as this server makes them


def is_stored(value: Any) -> bool:
    """Whether it stands for a literal in encrypted storage."""
    return isinstance(value, Mapping) and set(value) == {"secret"} and isinstance(value["secret"], str)


def is_own_key(value: Any) -> bool:
    """As `is_stored`, where any object may stand: only a key as this server makes them."""
    return is_stored(value) and KEY.fullmatch(value["secret"]) is not None
