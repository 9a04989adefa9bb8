"""What a call may bring: JSON that every database takes."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

DEEPEST = 200  # lists and objects inside each other


def storable(value: Any, depth: int = 0) -> Any:
    """The value itself. Raises PydanticCustomError."""
    if depth > DEEPEST:
        raise PydanticCustomError("depth", f"Lists and objects lie more than {DEEPEST} deep in each other.")
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("number", "NaN and infinite numbers are not JSON.")
    elif isinstance(value, dict):
        for name, each in value.items():
            check_text(name)
            storable(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            storable(each, depth + 1)
    return value


def check_text(text: str) -> None:
    if "\0" in text:
        raise PydanticCustomError("nul", "There is a NUL character in the text.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("surrogate", "There is half a surrogate pair in the text.") from None


Text = Annotated[str, AfterValidator(storable)]
Inputs = Annotated[dict[str, Any], AfterValidator(storable)]
