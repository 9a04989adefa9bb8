"""The filters of the list of runs, as menus."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import User

from connections.models import Connection
from flows.models import Flow
from flows.models.run_filters import ALL_BUT_SUCCEEDED, ORIGINS, PERIODS, STATES
from foundryflow.filter_menus import Address, FilterChoice, FilterMenu, choices_of
from foundryflow.names import name_of

MOST_CHOICES = 100  # of a filter
DAYS = ("from", "to")


def menus_of(user: User, address: Address) -> list[FilterMenu]:
    return [
        flow_menu(user, address),
        one_of("State", "state", state_choices(), address),
        starter_menu(address),
        connection_menu(address),
        one_of("Customer", "customer", [], address, asks_for="customer"),
        period_menu(address),
    ]


def one_of(
    title: str, name: str, found: Collection[tuple[str, str]], address: Address, asks_for: str = ""
) -> FilterMenu:
    """Of one value, which is shown as it is where it is not among those found."""
    value = address.params.get(name, "")
    return FilterMenu(
        title,
        dict(found).get(value, value),
        choices_of(address, name, found),
        address.query(**{name: None}),
        address.kept(name),
        asks_for,
    )


def flow_menu(user: User, address: Address) -> FilterMenu:
    found = list(Flow.objects.in_designer().order_by("name").values_list("slug", "name")[:MOST_CHOICES])
    chosen = address.params.get("flow", "")
    if chosen and chosen not in dict(found):  # of a session or a batch, or one of many
        found += Flow.objects.visible_to(user).filter(slug=chosen).values_list("slug", "name").distinct()
    return one_of("Flow", "flow", found, address)


def state_choices() -> list[tuple[str, str]]:
    return [(ALL_BUT_SUCCEEDED, "All but succeeded"), *((state, state.capitalize()) for state in STATES)]


def starter_menu(address: Address) -> FilterMenu:
    """By whom and in which way; both may be chosen."""
    people = list(User.objects.order_by("username")[:MOST_CHOICES])
    names = [(person.username, name_of(person)) for person in people]
    by, via = (address.params.get(name, "") for name in ("by", "via"))
    who, way = dict(names).get(by, by), ORIGINS.get(via, via)
    choices: list[FilterChoice] = [
        *choices_of(address, "via", list(ORIGINS.items()), "Way"),
        *choices_of(address, "by", names, "Person"),
    ]
    label = ", ".join(words for words in (who, way) if words)
    return FilterMenu("Started by", label, choices, address.query(by=None, via=None), address.kept())


def connection_menu(address: Address) -> FilterMenu:
    """Those that can be called. One that was made at run time, or is deleted, can be typed."""
    names = Connection.objects.foundry().order_by("name").values_list("name", flat=True)[:MOST_CHOICES]
    return one_of("Connection", "connection", [(name, name) for name in names], address, asks_for="connection")


def period_menu(address: Address) -> FilterMenu:
    first, last = (address.params.get(name, "") for name in DAYS)
    at = dict.fromkeys(DAYS)
    words = {(True, True): f"{first} to {last}", (True, False): f"since {first}", (False, True): f"until {last}"}
    label = words.get((bool(first), bool(last))) or PERIODS.get(address.params.get("period", ""), "")
    return FilterMenu(
        "Time",
        label,
        [
            FilterChoice(
                label, address.query(**at, period=name), not (first or last) and address.params.get("period") == name
            )
            for name, label in PERIODS.items()
        ],
        address.query(**at, period=None),
        address.kept("period", *DAYS),
        days=(first, last),
        icon="calendar",
    )
