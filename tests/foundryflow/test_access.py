"""Every URL x everybody: a stranger logs in, a reader reads, an editor edits."""

import re

import pytest
from django.test import Client
from django.urls import get_resolver

from foundryflow.access import Access
from foundryflow.checks import every_url_says_who_may, patterns
from tests.factories import make_connection, make_flow, make_run


def addresses(resolver, prefix=""):
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from addresses(entry, route)
        else:
            yield route, entry.callback


ALL = list(addresses(get_resolver()))


@pytest.fixture
def filled(alice):
    flow, connection = make_flow(), make_connection()
    run = make_run(flow, question="x")
    values = {
        "slug": flow.slug,
        "action_id": "chat",
        "verb": "up",
        "run_id": run.pk,
        "name": "x",
        "number": 1,
        "kind": "runs",
        "provider_id": "oidc",
        "secret": "x",
    }

    def fill(route):
        pk = connection.pk if route.startswith("connections") else run.pk
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(pk if found[1] == "pk" else values[found[1]]), route)

    return fill


def test_every_url_says_who_may_use_it():
    assert every_url_says_who_may() == []
    assert len(list(patterns(get_resolver().url_patterns))) == len(ALL)


def test_no_page_is_kept_for_the_way_back(client_alice, filled):
    for address in ("/runs/", "/connections/", "/flows/", "/playground/sessions/"):
        assert client_alice.get(address).headers["Cache-Control"] == "no-store", address


@pytest.mark.parametrize(("route", "view"), ALL, ids=[route or "/" for route, _ in ALL])
def test_a_stranger_sees_nothing(filled, route, view):
    for method in ("get", "post"):
        response = getattr(Client(), method)(filled(route))
        if view.access is Access.KEY:
            assert response.status_code in (401, 405)
        elif view.access is Access.ANYONE:
            assert response.status_code in (200, 404, 405, 422, 503) or response.url == "/login/"
        else:
            assert response.status_code in (302, 405)
            assert response.status_code == 405 or response.url.startswith("/login/")


@pytest.mark.parametrize(
    ("route", "view"),
    [(r, v) for r, v in ALL if v.access is Access.EDITOR],
    ids=[r for r, v in ALL if v.access is Access.EDITOR],
)
def test_a_reader_changes_nothing(client_bob, filled, route, view):
    for method in ("get", "post"):
        assert getattr(client_bob, method)(filled(route)).status_code in (403, 405)
