"""What entries are about. The apps register their kinds, with what finds the pages of things that still exist."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.urls import NoReverseMatch, reverse

from foundryflow.models import AuditEntry

FindAddresses = Callable[[Collection[int]], Mapping[int, str]]  # the pages of things, by their numbers


@dataclass(frozen=True)
class SubjectKind:
    name: str
    label: str  # in the filter, of many
    find: FindAddresses | None = None


_kinds: dict[str, SubjectKind] = {}


def register_kind(name: str, label: str, find: FindAddresses | None = None) -> None:
    _kinds[name] = SubjectKind(name, label, find)


def register_ground() -> None:
    """What belongs to no app. Pages of these are filled in where their URL names exist."""
    register_kind("person", "People and sign-ins", person_addresses)
    register_kind("api_key", "API keys", page_of_list("api_keys:list"))
    register_kind("backup", "Backups")
    register_kind("server", "Server")
    register_kind("page", "Pages and destinations")


def person_addresses(numbers: Collection[int]) -> dict[int, str]:
    found = User.objects.filter(pk__in=numbers).values_list("pk", flat=True)
    return {pk: reverse("people:show", args=[pk]) for pk in found}


def page_of_list(name: str) -> FindAddresses:
    """Things that have no page of their own are found on the page of their list."""

    def find(numbers: Collection[int]) -> dict[int, str]:
        try:
            address = reverse(name)
        except NoReverseMatch:
            return {}
        return dict.fromkeys(numbers, address)

    return find


def kind_labels() -> list[tuple[str, str]]:
    return sorted(((kind.name, kind.label) for kind in _kinds.values()), key=lambda each: each[1])


def addresses_of(entries: Iterable[AuditEntry]) -> dict[tuple[str, int], str]:
    """By kind and number; what is gone, or has no page, is not in it."""
    wanted: dict[str, set[int]] = {}
    for entry in entries:
        if entry.subject_id is not None:
            wanted.setdefault(entry.kind, set()).add(entry.subject_id)
    found: dict[tuple[str, int], str] = {}
    for name, numbers in wanted.items():
        kind = _kinds.get(name)
        if kind is not None and kind.find is not None:
            found |= {(name, number): address for number, address in kind.find(numbers).items()}
    return found
