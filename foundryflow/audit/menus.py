"""The filters of the audit log, as menus."""

from __future__ import annotations

from django.contrib.auth.models import User

from foundryflow.audit.kinds import kind_labels
from foundryflow.audit.search import PERIODS
from foundryflow.filter_menus import Address, FilterChoice, FilterMenu, choices_of
from foundryflow.http import whole_number
from foundryflow.names import name_of

MOST_PEOPLE = 100
OTHERS = [("api", "Keys of the API"), ("command", "Command line"), ("server", "System")]
OUTCOMES = [("done", "Done"), ("refused", "Refused")]
DAYS = ("from", "to")


def audit_menus(address: Address) -> list[FilterMenu]:
    return [who_menu(address), what_menu(address), outcome_menu(address), period_menu(address)]


def who_menu(address: Address) -> FilterMenu:
    people = [(str(user.pk), name_of(user)) for user in User.objects.order_by("first_name", "username")[:MOST_PEOPLE]]
    chosen = address.params.get("who", "")
    label = dict([*OTHERS, *people]).get(chosen, "")
    if chosen and not label and (user := User.objects.filter(pk=whole_number(chosen) or 0).first()):
        label = name_of(user)
    choices = [*choices_of(address, "who", OTHERS), *choices_of(address, "who", people, "Person")]
    return FilterMenu("Who", label, choices, address.query(who=None), address.kept("who"))


def what_menu(address: Address) -> FilterMenu:
    kinds = kind_labels()
    label = dict(kinds).get(address.params.get("what", ""), "")
    return FilterMenu("What", label, choices_of(address, "what", kinds), address.query(what=None), address.kept("what"))


def outcome_menu(address: Address) -> FilterMenu:
    label = dict(OUTCOMES).get(address.params.get("outcome", ""), "")
    choices = choices_of(address, "outcome", OUTCOMES)
    return FilterMenu("Outcome", label, choices, address.query(outcome=None), address.kept("outcome"))


def period_menu(address: Address) -> FilterMenu:
    first, last = (address.params.get(name, "") for name in DAYS)
    at, period = dict.fromkeys(DAYS), address.params.get("period", "")
    choices = [
        FilterChoice(label, address.query(**at, period=name), not (first or last) and period == name)
        for name, label in PERIODS.items()
    ]
    clear, kept = address.query(**at, period=None), address.kept("period", *DAYS)
    label = period_words(address)
    return FilterMenu("Time", label, choices, clear, kept, days=(first, last), icon="calendar")


def period_words(address: Address) -> str:
    """ "Today", "since 2027-01-05"; empty for all times."""
    first, last = (address.params.get(name, "") for name in DAYS)
    words = {(True, True): f"{first} to {last}", (True, False): f"since {first}", (False, True): f"until {last}"}
    return words.get((bool(first), bool(last))) or PERIODS.get(address.params.get("period", ""), "")
