"""What the sheets of the System page are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from foundryflow.system.notes import BAD, WARN

OK, MUTE = "ok", "mute"
ICONS = {OK: "circle-check", WARN: "triangle-alert", BAD: "circle-x", MUTE: "circle-minus"}


@dataclass(frozen=True)
class SystemCell:
    """A value, its state if it has one, and what stands below it."""

    text: str
    style: str = ""  # of a state
    below: str = ""
    is_number: bool = False
    code: str = ""  # behind the text, as a machine says it
    unit: str = ""  # where a list has no heads of columns

    @property
    def icon(self) -> str:
        return ICONS.get(self.style, "")


@dataclass(frozen=True)
class Link:
    words: str
    address: str


@dataclass(frozen=True)
class SystemRow:
    label: str
    value: SystemCell
    variable: str = ""  # that decides it
    link: Link | None = None
    whole: str = ""  # where the value is cut


@dataclass(frozen=True)
class SystemSheet:
    id: str
    title: str
    rows: Sequence[SystemRow] = ()
    columns: Sequence[str] = ()
    table: Sequence[Sequence[SystemCell]] = ()
    pill: SystemCell | None = None
    link: Link | None = None
    foot: str = ""
    command: str = ""  # behind the foot

    @property
    def words_columns(self) -> int:
        """How many columns stand before those of numbers."""
        return sum(not cell.is_number for cell in self.table[0])


def link_to(name: str, words: str) -> Link:
    return Link(words, reverse(name))
