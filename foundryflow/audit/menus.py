"""The filters of the audit log, as menus."""

from __future__ import annotations

from django.contrib.auth.models import User

from foundryflow.audit.kinds import kind_labels
from foundryflow.audit.search import PERIODS
from foundryflow.filter_menus import Address, FilterMenu, choices_of, menu_of, period_menu
from foundryflow.http import whole_number
from foundryflow.names import name_of

MOST_PEOPLE = 100
OTHERS = [("api", "Keys of the API"), ("command", "Command line"), ("server", "System")]
OUTCOMES = [("done", "Done"), ("refused", "Refused")]


def audit_menus(address: Address) -> list[FilterMenu]:
    return [
        who_menu(address),
        menu_of(address, "What", "what", kind_labels()),
        menu_of(address, "Outcome", "outcome", OUTCOMES),
        period_menu(address, PERIODS),
    ]


def who_menu(address: Address) -> FilterMenu:
    people = [(str(user.pk), name_of(user)) for user in User.objects.order_by("first_name", "username")[:MOST_PEOPLE]]
    chosen = address.params.get("who", "")
    label = dict([*OTHERS, *people]).get(chosen, "")
    if chosen and not label and (user := User.objects.filter(pk=whole_number(chosen) or 0).first()):
        label = name_of(user)
    choices = [*choices_of(address, "who", OTHERS), *choices_of(address, "who", people, "Person")]
    return FilterMenu("Who", label, choices, address.query(who=None), address.kept("who"))
