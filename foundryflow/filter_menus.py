"""Filters of a list as menus of links: the address of a page is all of its state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

DAYS = ("from", "to")  # in the address


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


def menu_of(
    address: Address, title: str, name: str, found: Collection[tuple[str, str]], *, other: str = "", asks_for: str = ""
) -> FilterMenu:
    """A menu of one name of the address. `other` is what is shown of a value that is not among those found."""
    label = dict(found).get(address.params.get(name, ""), other)
    clear = address.query(**{name: None})
    return FilterMenu(title, label, choices_of(address, name, found), clear, address.kept(name), asks_for)


def period_menu(address: Address, periods: Mapping[str, str]) -> FilterMenu:
    """A time until now, or days from and to which."""
    first, last = (address.params.get(name, "") for name in DAYS)
    at, period = dict.fromkeys(DAYS), address.params.get("period", "")
    choices = [
        FilterChoice(label, address.query(**at, period=name), not (first or last) and period == name)
        for name, label in periods.items()
    ]
    clear, kept = address.query(**at, period=None), address.kept("period", *DAYS)
    label = period_words(address, periods)
    return FilterMenu("Time", label, choices, clear, kept, days=(first, last), icon="calendar")


def period_words(address: Address, periods: Mapping[str, str]) -> str:
    """ "Today", "since 2027-01-05"; empty for all times."""
    first, last = (address.params.get(name, "") for name in DAYS)
    words = {(True, True): f"{first} to {last}", (True, False): f"since {first}", (False, True): f"until {last}"}
    return words.get((bool(first), bool(last))) or periods.get(address.params.get("period", ""), "")


def choices_of(
    address: Address, name: str, found: Collection[tuple[str, str]], heading: str = "", **changes: Any
) -> list[FilterChoice]:
    """A choice for each value of one name of the address, which stands with the words for it."""
    current = address.params.get(name, "")
    return [
        FilterChoice(words, address.query(**{name: value}, **changes), value == current, heading if not at else "")
        for at, (value, words) in enumerate(found)
    ]
