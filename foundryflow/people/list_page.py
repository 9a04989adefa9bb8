"""The list of people: who is here and who is invited, what finds them, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils import timezone

from foundryflow.filter_menus import Address, menu_of
from foundryflow.models import Account, Invitation
from foundryflow.people.rows import ACTIVE, DEACTIVATED, EXPIRED, INVITED, InvitationRow, PersonRow, person_rows
from foundryflow.regions import Region, context_of
from foundryflow.roles import Role

FILTERS = ("q", "role", "state")
PAGE = 50  # people
MOST_INVITATIONS = 200
STATES = {"active": ACTIVE.words, "invited": INVITED.words, "expired": EXPIRED.words, "deactivated": DEACTIVATED.words}


def list_context(reader: User, params: Mapping[str, str]) -> dict[str, Any]:
    """Everything the page is made of."""
    return context_of(list_regions(reader, params))


def list_regions(reader: User, params: Mapping[str, str]) -> list[Region]:
    """What filters and deeds change."""
    address = Address(params, FILTERS)
    menus = [menu_of(address, "Role", "role", Role.choices), menu_of(address, "State", "state", [*STATES.items()])]
    filtered = any(params.get(name) for name in FILTERS)
    set_filters = sum(bool(menu.label) for menu in menus)
    chosen = {"menus": menus, "kept": address.kept("q"), "set_filters": set_filters, "filtered": filtered}
    administrators = active_administrators()
    page = Paginator(found_people(params), PAGE).get_page(params.get("page"))
    found = {
        "page": page,
        "invitations": invitation_rows(reader, params) if page.number == 1 else [],
        "rows": person_rows(page.object_list, reader, administrators),
        "filtered": filtered,
    }
    return [
        Region("people/_filters.html", "people-filters", {**chosen, "words": params.get("q", "")}),
        Region("people/_found.html", "people-found", found),
        *count_regions(administrators),
    ]


def count_regions(administrators: set[int]) -> list[Region]:
    people, invited = User.objects.count(), open_invitations().filter(expires_at__gt=timezone.now()).count()
    counts = {
        "counted": f"{people} {'person' if people == 1 else 'people'}{f', {invited} invited' if invited else ''}.",
        "asks_for_two_factor": settings.TWO_FACTOR_REQUIRED,
    }
    return [
        Region("people/_counts.html", "people-counts", counts),
        Region("people/_administrators.html", "people-administrators", {"administrators": len(administrators)}),
    ]


def found_people(params: Mapping[str, str]) -> QuerySet[User]:
    found = User.objects.select_related("account")
    for word in words_of(params):
        name = Q(first_name__icontains=word) | Q(last_name__icontains=word)
        found = found.filter(name | Q(email__icontains=word) | Q(username__icontains=word))
    if params.get("role") in Role.values:
        found = found.filter(account__role=params["role"])
    if params.get("state") in STATES:
        is_active = {"active": True, "deactivated": False}.get(params["state"])
        found = found.none() if is_active is None else found.filter(is_active=is_active)
    return found.order_by(Lower(Coalesce(NullIf("first_name", Value("")), "username")), "pk")


def invitation_rows(reader: User, params: Mapping[str, str]) -> list[InvitationRow]:
    found = open_invitations().select_related("created_by")
    for word in words_of(params):
        found = found.filter(email__icontains=word)
    if params.get("role") in Role.values:
        found = found.filter(role=params["role"])
    now, state = timezone.now(), params.get("state")
    if state in STATES:
        wanted = {"invited": Q(expires_at__gt=now), "expired": Q(expires_at__lte=now)}.get(state)
        found = found.none() if wanted is None else found.filter(wanted)
    return [InvitationRow(each, reader) for each in found[:MOST_INVITATIONS]]


def open_invitations() -> QuerySet[Invitation]:
    """Neither used nor withdrawn; also those that have expired."""
    return Invitation.objects.filter(used_at=None, withdrawn_at=None)


def words_of(params: Mapping[str, str]) -> list[str]:
    return params.get("q", "")[:100].split()[:6]


def active_administrators() -> set[int]:
    active = Account.objects.filter(role=Role.ADMINISTRATOR, user__is_active=True)
    return set(active.values_list("pk", flat=True))


def row_of(person: User, reader: User) -> PersonRow:
    [row] = person_rows([person], reader, active_administrators())
    return row


def row_region(person: User, reader: User, before: Role | None = None) -> Region:
    """One line; with the role before, where that was changed just now."""
    row = replace(row_of(person, reader), before=before)
    # Not morphed: a select keeps what was chosen in it.
    return Region("people/_row.html", f"person-{person.pk}", {"row": row}, swap="outerHTML")
