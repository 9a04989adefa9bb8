"""The list of flows as its address says: words, the state of the last run, a connection, and the order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q, TextField
from django.db.models.functions import Cast, Lower

from connections.models import Connection
from flows.actions.registry import all_types, find_type
from flows.catalog.contexts import FlowRow, flow_rows
from flows.catalog.sample import sample_flows
from flows.models import LIVE, Flow, Run, State
from flows.models.connection_users import actions_of, connections_named
from flows.models.run_counts import newest_runs, runs_in_all
from foundryflow.filter_menus import Address, FilterChoice, FilterMenu, choices_of

ROWS = 50
MOST_CHOICES = 100
NAMES = ("q", "state", "last", "connection", "sort")  # in the address
STATES = {
    "published": ("Published", Q(published__isnull=False)),
    "changed": ("With unpublished changes", Q(published__isnull=False) & ~Q(published=F("head"))),
    "never": ("Never published", Q(published=None)),
}
NEVER = "never"
LAST_RUNS = {
    "live": "Still going",
    State.SUCCEEDED: "Succeeded",
    State.FAILED: "Failed",
    State.CANCELLED: "Cancelled",
    NEVER: "Never run",
}
ORDERS = {"": "Last changed", "name": "Name", "run": "Last run", "runs": "Most runs"}


@dataclass(frozen=True)
class FlowListPage:
    """Flows that the address asks for, a page at a time."""

    params: Mapping[str, str]

    @property
    def address(self) -> Address:
        return Address(self.params, NAMES)

    @property
    def words(self) -> str:
        return self.params.get("q", "").strip()[:100]

    @cached_property
    def is_filtered(self) -> bool:
        return any(self.params.get(name) for name in ("q", "state", "last", "connection"))

    @cached_property
    def page(self) -> Page[int]:
        return Paginator(self.keys, ROWS).get_page(self.params.get("page"))

    @cached_property
    def rows(self) -> list[FlowRow]:
        flows = Flow.objects.in_designer().select_related("head", "head__created_by", "published")
        found = flows.defer("published__document").in_bulk(list(self.page))
        return flow_rows([found[key] for key in self.page if key in found])

    @cached_property
    def keys(self) -> list[int]:
        """All that match, in order."""
        order = Lower("name").asc() if self.params.get("sort") == "name" else "-changed_at"
        flows = Flow.objects.in_designer().order_by(order, "-pk")
        if (state := self.params.get("state", "")) in STATES:
            flows = flows.filter(STATES[state][1])
        keys = list(flows.values_list("pk", flat=True))
        if self.words or self.params.get("connection"):
            matching = set(self._matching())
            keys = [key for key in keys if key in matching]
        if (last := self.params.get("last", "")) in LAST_RUNS:
            runs = newest_runs(keys)
            keys = [key for key in keys if is_last(runs.get(key), last)]
        return self._sort(keys)

    def _sort(self, keys: list[int]) -> list[int]:
        match self.params.get("sort"):
            case "run":
                runs = newest_runs(keys)
                return sorted(keys, key=lambda key: -runs[key].pk if key in runs else 0)
            case "runs":
                counts = runs_in_all(keys)
                return sorted(keys, key=lambda key: -counts[key])
        return keys

    def _matching(self) -> Iterator[int]:
        """By name, and by what their actions are called and which connections they name."""
        words, connection = self.words, self.params.get("connection", "")
        found = Flow.objects.in_designer().annotate(text=Cast("head__document", TextField()))
        if words:
            found = found.filter(Q(name__icontains=words) | mentions(words))
        if connection:
            found = found.filter(mentions(connection))
        for key, name, document in found.order_by().values_list("pk", "name", "head__document"):
            named = words.lower() in name.lower() or any(words.lower() in said.lower() for said in said_by(document))
            used = not connection or any(connection in connections_named(each) for each in actions_of(document))
            if named and used:
                yield key

    # Menus

    @property
    def menus(self) -> list[FilterMenu]:
        state, last, connection = (self.params.get(name, "") for name in ("state", "last", "connection"))
        states = [(name, words) for name, (words, _) in STATES.items()]
        names = Connection.objects.order_by("name").values_list("name", flat=True)[:MOST_CHOICES]
        return [
            self._menu("State", "state", dict(states).get(state, ""), states),
            self._menu("Last run", "last", LAST_RUNS.get(last, ""), list(LAST_RUNS.items())),
            self._menu("Connection", "connection", connection, [(name, name) for name in names]),
        ]

    def _menu(self, title: str, name: str, label: str, found: list[tuple[str, str]]) -> FilterMenu:
        address = self.address
        clear, kept = address.query(**{name: None}), address.kept(name)
        return FilterMenu(title, label, choices_of(address, name, found), clear, kept)

    @cached_property
    def foot(self) -> str:
        """ "6 flows · 1 with unpublished changes · 1 never published": of those that are found."""
        count = self.page.paginator.count
        found = Flow.objects.filter(pk__in=self.keys) if self.is_filtered else Flow.objects.in_designer()
        changed, never = (found.filter(STATES[state][1]).count() for state in ("changed", "never"))
        words = [f"{count:,} flow{'' if count == 1 else 's'}"]
        words += [f"{changed:,} with unpublished changes"] if changed else []
        words += [f"{never:,} never published"] if never else []
        return " · ".join(words)

    @property
    def order(self) -> str:
        return ORDERS.get(self.params.get("sort", ""), ORDERS[""])

    @property
    def orders(self) -> list[FilterChoice]:
        return choices_of(self.address, "sort", list(ORDERS.items()))

    @property
    def context(self) -> dict[str, Any]:
        return {
            "list": self,
            "kept": self.address.kept("q"),
            "set_filters": sum(bool(menu.label) for menu in self.menus),
            "samples": sample_flows(),
        }


def mentions(words: str) -> Q:
    """SQL: somewhere in the document, or a type of action that is called so. SQLite has texts with their escapes."""
    types = [known.type for known in all_types() if words.lower() in known.title.lower()]
    found = Q(text__icontains=words) | Q(text__icontains=json.dumps(words)[1:-1])
    return found | reduce(or_, (Q(text__icontains=f'"{type}"') for type in types), Q(pk=None))


def said_by(document: Any) -> Iterator[str]:
    """What people may look for: names of actions, of their types, and of connections."""
    for action in actions_of(document):
        known = find_type(str(action.get("type")))
        yield str(action.get("title") or "")
        yield known.title if known else str(action.get("type"))
        yield from connections_named(action)


def is_last(run: Run | None, last: str) -> bool:
    if run is None:
        return last == NEVER
    return run.state in LIVE if last == "live" else run.state == last
