"""Where a value of a run is, so that a page can ask for more of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from foundryflow.regions import element_id

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class ValuePlace:
    """`of` what (see whole_values), in the action at a path or in the run itself; `at` is a JSON Pointer into it."""

    run: int
    of: str
    action: str = ""
    name: str = ""
    at: str = ""

    @property
    def key(self) -> str:
        """The id of its element."""
        return f"value-{element_id('-'.join(filter(None, (self.of, self.action, self.name, self.at))))}"

    @property
    def address(self) -> str:
        """Of the whole."""
        query = {"of": self.of, "action": self.action, "name": self.name, "at": self.at}
        return f"{reverse('runs:value', args=[self.run])}?{urlencode({k: v for k, v in query.items() if v})}"

    @property
    def root(self) -> str:
        """What the value is called where nothing else says it."""
        return self.name or self.of

    def inside(self, key: str | int) -> ValuePlace:
        """The place of an item or a field of what is here."""
        return replace(self, at=f"{self.at}/{str(key).replace('~', '~0').replace('/', '~1')}")


def steps_of(pointer: str) -> list[str]:
    """Of `/rows/0/a~1b`: rows, 0, a/b."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def find_inside(value: Any, pointer: str, path: str) -> tuple[Any, str]:
    """What the pointer leads to, and its path as an expression of a flow. Raises KeyError, IndexError, ValueError."""
    for step in steps_of(pointer):
        value = parsed_json(value) if isinstance(value, str) else value
        if isinstance(value, list):
            key: str | int = int(step)
        elif isinstance(value, Mapping):
            key = step
        else:
            raise KeyError(step)
        value, path = value[key], step_into(path, key)
    return value, path


def step_into(path: str, key: str | int) -> str:
    """`rows` and 0: `rows[0]`; `rows[0]` and city: `rows[0].city`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if NAME.fullmatch(key) else f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def parsed_json(text: str) -> Any:
    """What a text means that is JSON of a list or an object. Raises ValueError."""
    found = json.loads(text) if text.lstrip()[:1] in ("[", "{") else None
    if not isinstance(found, list | dict):
        raise ValueError("no list or object")
    return found
