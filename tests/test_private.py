"""Every address about somebody's private session, batch or run x everybody else: as if it were not there."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from flows.models import Run
from foundryflow.access import Access
from foundryflow.roles import Role
from tests.addresses import address_of, examples_of, private_examples_of, routes

NOBODYS = 10**9  # number, and slug, of what does not exist
HTMX = {"HX-Request": "true"}


@pytest.fixture
def private(alice):
    examples_of(alice)  # so that there is what everybody may see, too
    return private_examples_of(alice)


def private_pages(private):
    """Routes whose parameters are of something private, and its address."""
    for route, entry in routes():
        starts = [each for each in private if route.startswith(each)]
        if starts and "<" in route and entry.callback.access is not Access.KEY:
            longest = max(starts, key=len)
            # What does not exist: everything else in the address is the same.
            missing = {name: NOBODYS for name in ("pk", "slug") if name in private[longest]}
            yield address_of(route, private), address_of(route, private, **missing)


def told(response, private):
    """What a page says, but for its token, for numbers and for the slugs that were asked for."""
    text = re.sub(r"\b\w{64}\b", "", response.content.decode())
    for slug in {values["slug"] for values in private.values() if "slug" in values}:
        text = text.replace(slug, "1")
    return re.sub(r"\d+", "1", text)


@pytest.mark.parametrize("role", Role)
def test_what_is_private_is_not_there_for_anybody_else(private, person, role):
    client, visited, before = Client(), 0, Run.objects.count()
    client.force_login(person(role))
    for address, missing in private_pages(private):
        for method in ("get", "post"):
            for headers in ({}, HTMX):
                answer = getattr(client, method)(address, headers=headers)
                assert answer.status_code in (403, 404, 405), (method, address, answer.status_code)
                other = getattr(client, method)(missing, headers=headers)
                assert answer.status_code == other.status_code, (method, address)
                if answer.status_code == 404:
                    assert told(answer, private) == told(other, private), (method, address)
                    visited += 1
    assert visited > (120 if role in (Role.EDITOR, Role.ADMINISTRATOR) else 40)
    listed = client.get("/runs/?show=all").content.decode()
    assert f"/runs/{private['runs/']['pk']}/" not in listed
    assert Run.objects.count() == before
