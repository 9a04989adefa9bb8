"""Parts of a value that are secret, named by paths: `key`, `customers[*].key`, `$.items[0]["api key"]`.

A name that meets a list means that part of each of its items, so `customers.key` is short for the second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from connections.secret import MASK, Secret
from flows.language.values import as_text

Path = tuple[str | int, ...]
EACH = "*"
STEP = re.compile(r"""\.?([A-Za-z_][\w-]*|\*)|\[\s*(\*|-?\d{1,9}|"[^"\]]*"|'[^'\]]*')\s*\]""")
LONGEST, MOST = 200, 50  # characters of a path, paths of a value


class PathError(ValueError):
    """The path cannot be read."""


def parse_path(text: str) -> Path:
    """Names, numbers of items, and * for all of them. Raises PathError."""
    left, steps = text.strip().removeprefix("$"), list[str | int]()
    while left and len(text) <= LONGEST:
        found = STEP.match(left)
        if found is None:
            break
        name, key = found.groups()
        steps.append(name or (int(key) if key.lstrip("-").isdigit() else key.strip("\"'")))
        left = left[found.end() :]
    if left or not steps:
        raise PathError(f"{text[:60]!r} is no path. Write one such as key, or customers[*].key.")
    return tuple(steps)


def parse_paths(paths: Iterable[str]) -> list[Path]:
    """Raises PathError."""
    return [parse_path(path) for path in paths]


def seal_parts(value: Any, paths: Iterable[str]) -> Any:
    """The value with a Secret for every text and number that stands in one of the parts. What a path does not find
    is no error. Raises PathError."""
    for path in parse_paths(paths):
        value = change_part(value, path)
    return value


def mask_parts(value: Any, paths: Iterable[str]) -> Any:
    """The same as JSON, as people may see it. Raises PathError."""
    return show_masks(seal_parts(value, paths))


def change_part(value: Any, path: Path) -> Any:
    if not path:
        return seal(value)
    step, rest = path[0], path[1:]
    match value:
        case Mapping():
            names = value if step == EACH else [step]
            return {**value, **{name: change_part(value[name], rest) for name in names if name in value}}
        case list() | tuple() if isinstance(step, int):
            at = step + len(value) if step < 0 else step
            return [change_part(inner, rest) if index == at else inner for index, inner in enumerate(value)]
        case list() | tuple():
            return [change_part(inner, rest if step == EACH else path) for inner in value]
    return value


def seal(value: Any) -> Any:
    match value:
        case None | bool() | Secret() | "":
            return value
        case Mapping():
            return {name: seal(inner) for name, inner in value.items()}
        case list() | tuple():
            return [seal(inner) for inner in value]
    return Secret(as_text(value))


def show_masks(value: Any) -> Any:
    match value:
        case Secret():
            return MASK
        case Mapping():
            return {name: show_masks(inner) for name, inner in value.items()}
        case list() | tuple():
            return [show_masks(inner) for inner in value]
    return value
