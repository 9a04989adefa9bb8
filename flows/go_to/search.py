"""Finds what somebody may open, by a few words: flows, runs, connections, sessions and pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import Model, Q, QuerySet
from django.urls import reverse

from connections.models import Connection
from flows.flowchart.states import run_view
from flows.models import Flow, Run
from flows.models.run_counts import LARGE, newest_runs
from flows.playground.models import Session
from foundryflow.http import whole_number
from foundryflow.names import name_of
from foundryflow.roles import Role, has_role, may_edit

NamedModel = TypeVar("NamedModel", bound=Model)

LONGEST_WORDS = 200  # characters
MOST_WORDS = 6
MOST = 6  # places of a group


@dataclass(frozen=True)
class Place:
    name: str
    url: str
    hint: str = ""


@dataclass(frozen=True)
class PlaceGroup:
    title: str
    icon: str
    places: Sequence[Place]

    @property
    def id(self) -> str:
        return self.title.lower()


@dataclass(frozen=True)
class FoundPlaces:
    words: str
    groups: Sequence[PlaceGroup]

    @property
    def count_words(self) -> str:
        count = sum(len(group.places) for group in self.groups)
        return f"{count} place{'' if count == 1 else 's'}" if count else "Nothing found"


@dataclass(frozen=True)
class PageLink:
    name: str
    view: str
    least: Role = Role.READER


PAGES = (
    PageLink("Flows", "flows:list"),
    PageLink("New flow", "flows:new", least=Role.EDITOR),
    PageLink("Import a flow file", "flows:import", least=Role.EDITOR),
    PageLink("Runs", "runs:list"),
    PageLink("Connections", "connections:list"),
    PageLink("New connection", "connections:new", least=Role.EDITOR),
    PageLink("Playground", "playground:index"),
    PageLink("Sessions of the playground", "playground:sessions"),
    PageLink("Batches", "batch:list"),
    PageLink("New batch", "batch:new", least=Role.EDITOR),
    PageLink("Usage", "usage:show"),
    PageLink("Budgets", "usage:budgets"),
    PageLink("Prices", "playground:prices"),
    PageLink("API keys", "api_keys:list"),
    PageLink("API reference", "api:docs"),
    PageLink("People", "people:list", least=Role.ADMINISTRATOR),
    PageLink("Audit log", "audit:list", least=Role.ADMINISTRATOR),
    PageLink("System", "system:show", least=Role.ADMINISTRATOR),
    PageLink("Invite somebody", "invitations:new", least=Role.ADMINISTRATOR),
    PageLink("Account: name, password, sessions, two-factor, theme", "account:show"),
)


def find_places(user: User, text: str) -> FoundPlaces:
    """Places whose names have all the words in them; without words the newest of each kind, and all pages."""
    text = text.replace("\0", "").strip()[:LONGEST_WORDS]
    words = text.split()[:MOST_WORDS]
    flows = list(matching(Flow.objects.in_designer().only("name", "slug", "room"), words)[:MOST])
    groups = (
        PlaceGroup("Runs", "history", run_places(user, text, flows if words else ())),
        PlaceGroup("Flows", "workflow", [Place(flow.name, flow.get_absolute_url()) for flow in flows]),
        PlaceGroup("Connections", "link", connection_places(user, words)),
        PlaceGroup("Sessions", "message-square-text", session_places(user, words)),
        PlaceGroup("Pages", "file-text", page_places(user, words)),
    )
    return FoundPlaces(text, [group for group in groups if group.places])


def matching(named: QuerySet[NamedModel], words: Iterable[str]) -> QuerySet[NamedModel]:
    return named.filter(*(Q(name__icontains=word) for word in words))


def run_places(user: User, text: str, flows: Sequence[Flow]) -> list[Place]:
    """The run of this number, else the newest run of each flow that was found."""
    number = whole_number(text.lower().removeprefix("run").strip(" #"))
    if number is not None:
        found = Run.objects.visible_to(user).select_related("flow").filter(pk=number).defer(*LARGE)
        return [run_place(run, run.flow.name) for run in found]
    newest = newest_runs([flow.pk for flow in flows]) if flows else {}
    return [run_place(newest[flow.pk], flow.name) for flow in flows if flow.pk in newest]


def run_place(run: Run, flow: str) -> Place:
    return Place(f"Run {run.pk} of {flow}", reverse("runs:show", args=[run.pk]), run_view(run).words)


def connection_places(user: User, words: Sequence[str]) -> list[Place]:
    """Readers are led to the list, since only editors open a connection."""
    found = matching(Connection.objects.only("name", "kind", "endpoint").order_by("name"), words)[:MOST]
    return [Place(each.name, connection_address(user, each), each.label) for each in found]


def connection_address(user: User, connection: Connection) -> str:
    if may_edit(user):
        return reverse("connections:edit", args=[connection.pk])
    return f"{reverse('connections:list')}?{urlencode({'q': connection.name})}"


def session_places(user: User, words: Sequence[str]) -> list[Place]:
    found = Session.objects.visible_to(user).select_related("owner").only("name", "owner")
    return [
        Place(each.name, reverse("playground:show", args=[each.pk]), "" if each.owner == user else name_of(each.owner))
        for each in matching(found, words)[:MOST]
    ]


def page_places(user: User, words: Sequence[str]) -> list[Place]:
    return [
        Place(page.name, reverse(page.view))
        for page in PAGES
        if has_role(user, page.least) and all(word.lower() in page.name.lower() for word in words)
    ]
