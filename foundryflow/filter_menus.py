"""Filters of a list as menus of links: the address of a page is all of its state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True)
class Address:
    """The query of a page, of which only these names count."""

    params: Mapping[str, str]
    names: tuple[str, ...]

    def query(self, **changes: str | None) -> str:
        """The same with other values; without those that are None."""
        state = {name: self.params.get(name, "") for name in self.names} | changes
        given = {name: value for name, value in state.items() if value}
        return f"?{urlencode(given)}" if given else "?"

    def kept(self, *without: str) -> list[tuple[str, str]]:
        """What a form hands on beside the values that it asks for."""
        return [(name, self.params[name]) for name in self.names if name not in without and self.params.get(name)]


@dataclass(frozen=True)
class FilterChoice:
    """A link that sets one thing of the address; empty where that is not possible."""

    name: str
    link: str
    is_current: bool
    heading: str = ""  # above the first of a group


@dataclass(frozen=True)
class FilterMenu:
    """A filter with its choices. `label` is what is chosen, empty when nothing is."""

    name: str
    label: str
    choices: list[FilterChoice]
    clear: str
    kept: list[tuple[str, str]]
    asks_for: str = ""  # the name under which another value may be typed, where not all are listed
    days: tuple[str, str] | None = None  # first and last, where days may be chosen
    icon: str = ""

    @property
    def title(self) -> str:
        return f"{self.name}: {self.label}" if self.label else self.name


def choices_of(
    address: Address, name: str, found: Collection[tuple[str, str]], heading: str = "", **changes: Any
) -> list[FilterChoice]:
    """A choice for each value of one name of the address, which stands with the words for it."""
    current = address.params.get(name, "")
    return [
        FilterChoice(words, address.query(**{name: value}, **changes), value == current, heading if not at else "")
        for at, (value, words) in enumerate(found)
    ]
