"""Variables under other names in templates and expressions. What is no reference stays as it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Names = Mapping[str, str]  # from the old to the new

TEXT = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
TAG = re.compile(rf"""\{{\{{(?:{TEXT}|[^'"])*?\}}\}}|\{{%(?:{TEXT}|[^'"])*?%\}}""", re.S)
TAG_BEGINS = re.compile(r"\{\{|\{%")
# A name, unless it is an attribute, a filter, a test, or that of an argument.
TOKEN = re.compile(
    rf"{TEXT}|(?P<not_free>[.|]\s*|\bis\s+(?:not\s+)?)?\b(?P<name>[^\W\d]\w*)\b(?P<argument>\s*=(?!=))?", re.S
)


LONGEST = 5_000  # characters of an expression; in a longer one nothing is renamed


def rename_in_template(text: str, names: Names) -> str:
    """The text with the variables of its tags renamed, up to the first tag that has no end."""
    made, at = list[str](), 0
    while (start := TAG_BEGINS.search(text, at)) and (tag := TAG.match(text, start.start())):
        made += [text[at : tag.start()], rename_in_expression(tag[0], names)]
        at = tag.end()
    return "".join([*made, text[at:]])


def rename_in_expression(text: str, names: Names) -> str:
    if len(text) > LONGEST:
        return text

    def rename(token: re.Match[str]) -> str:
        name = token["name"]
        if name not in names or token["not_free"] or token["argument"]:
            return token[0]
        return names[name]

    return TOKEN.sub(rename, text)


def rename_in_value(value: Any, names: Names) -> Any:
    """A text, or JSON with templates in it."""
    if isinstance(value, str):
        return rename_in_template(value, names)
    if isinstance(value, Mapping):
        return {key: rename_in_value(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [rename_in_value(inner, names) for inner in value]
    return value
