"""Reads what people type into a field: values, numbers, names, conditions and templates."""

from __future__ import annotations

import math
import re
from typing import Any

from django.core.exceptions import ValidationError

from flows.language.expressions import ExpressionError, as_template, check
from foundryflow.strict_json import JsonError, storable_json

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse_literal(text: str, *, with_templates: bool = False) -> Any:
    """JSON where the text is a JSON number, boolean, list or object; else the text, also of JSON with templates in it
    unless `with_templates`."""
    stripped = text.strip()
    if not stripped or ("{{" in stripped and not with_templates):
        return text
    try:
        value = storable_json(stripped)
    except JsonError:
        return text
    return text if isinstance(value, str) or value is None else value


def parse_number(text: str, *, whole: bool) -> int | float:
    """Raises ValidationError."""
    try:
        number = int(text) if whole else float(text)
        float(number)  # one that is too large is none
    except (ValueError, OverflowError):
        kind = "a whole number" if whole else "a number"
        raise ValidationError(f"{text!r} is not {kind}. Type {kind} or a variable such as {{{{ name }}}}.") from None
    if not math.isfinite(number):
        raise ValidationError("Type a number that is not infinite.")
    return number


def clean_name(value: Any, required: bool = False) -> str:
    """The name of a variable without spaces around it. Raises ValidationError."""
    text = (value or "").strip()
    if text and not NAME.fullmatch(text):
        raise ValidationError(f"{text!r} is not a name. Use letters, digits and _, and begin with a letter.")
    if required and not text:
        raise ValidationError("A variable needs a name.")
    return str(text)


def check_condition(expression: str) -> None:
    """Raises ValidationError when a bare expression cannot be read."""
    try:
        check(as_template(expression))
    except ExpressionError as error:
        raise ValidationError(str(error)) from None


def check_template(text: str) -> None:
    """Raises ValidationError when it cannot be read."""
    try:
        check(text)
    except ExpressionError as error:
        raise ValidationError(str(error)) from None
