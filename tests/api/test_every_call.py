"""Every call of the API x every method x a key of each scope, and what is private under each of its addresses."""

from __future__ import annotations

import re

import pytest

from flows.models import Run
from foundryflow.access import Access
from foundryflow.models import ApiKey, ApiScope
from tests.addresses import address_of, examples_of, private_examples_of, routes
from tests.api.test_who_may import ROOMS, call, counting, key_of, server

__all__ = ["call", "counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
CALLS = [
    (route, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{route}"))
    for route, entry in routes()
    if entry.callback.access is Access.KEY and route != "api/openapi.json"
]


def test_every_key_gets_as_far_as_its_scopes_with_every_method(call, alice, bob):
    examples, troubles = examples_of(alice), []
    keys = {scope: key_of(alice, scope) for scope in ApiScope.values}
    keys |= {"of a reader": key_of(bob), "none": None, "made up": "ffk_1_x"}
    for route, path in CALLS:
        wanted = {method: scope for (method, known), scope in ROOMS.items() if known == path}
        assert wanted, f"Nobody says in ROOMS of tests/api/test_who_may.py which scope {path} asks for."
        for method in METHODS:
            for name, key in keys.items():
                answer = call(
                    method, address_of(route, examples), key, {} if method in ("post", "put", "patch") else None
                )
                scope = wanted.get(method)
                if scope is None:
                    expected = answer.status_code == 405 and method.upper() not in answer.headers["Allow"].split(", ")
                elif key is None or name == "made up":
                    expected = (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                elif name == "of a reader":
                    expected = (answer.status_code == 403) is (scope in ("run", "connections"))
                elif scope == name:
                    expected = answer.status_code < 500 and answer.status_code not in (401, 403, 404, 405)
                else:
                    expected = answer.status_code == 403
                if not expected:
                    troubles.append(f"{method} {path} with the key {name}: {answer.status_code}")
    assert not troubles, "\n" + "\n".join(troubles)


def test_what_is_private_is_not_there_for_the_key_of_anybody_else(call, alice, bob):
    private, before = private_examples_of(alice), Run.objects.count()
    keys = [key_of(bob, "read"), ApiKey.objects.issue("nobody's", ["read", "run"], by=None)[1]]
    visited = 0
    for route, path in CALLS:
        if "<" not in route or not any(route.startswith(start) for start in private):
            continue
        for method in [method for (method, known) in ROOMS if known == path]:
            for key in keys:
                answer = call(method, address_of(route, private), key)
                missing = call(method, address_of(route, private, run_id=10**9, slug="nothing"), key)
                assert answer.status_code == missing.status_code, (method, path)
                assert answer.status_code in (403, 404), (method, path)
                visited += answer.status_code == 404
    assert visited >= 9
    assert Run.objects.count() == before
