"""Every address x everybody x every method: who may gets an answer, who may not a sentence, and nothing is done.

What is expected is computed from the mark of the view (`foundryflow/access.py`). Each request is undone afterwards.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from html import escape
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.signals import request_finished
from django.db import close_old_connections, transaction
from django.http.response import HttpResponseBase
from django.test import Client

from foundryflow.access import REFUSALS, Access
from foundryflow.roles import Role
from tests.addresses import address_of, examples_of, routes

NO_ENGINE = "readyz"  # 503 where nothing executes runs
SENT_BY_PAGES = ("GET", "HEAD", "POST", "OPTIONS")
NEVER = ("PUT", "PATCH", "DELETE")  # forms and htmx send GET and POST
PAGES = [
    (route, entry.callback)
    for route, entry in routes()
    if entry.callback.access is not Access.KEY and route != NO_ENGINE
]
HTMX = {"HX-Request": "true"}
# Who may is told that there is nothing where it is the query or the form that names a thing.
NAMED_ELSEWHERE = {
    "account/sessions/<id:pk>/sign-out/", "account/theme/", "account/two-factor/codes/file/", "batches/preview/",
    "flows/<slug:slug>/insert/", "join/", "join/<str:secret>/", "login/<slug:provider_id>/",
    "login/<slug:provider_id>/callback/", "password/", "password/<str:secret>/", "people/<id:pk>/role/",
    "playground/<id:pk>/earlier/", "playground/open/<id:pk>/code/", "playground/turns/<id:pk>/<slug:verb>/",
    "runs/<id:pk>/iterations/", "runs/<id:pk>/value/", "runs/compare/step/", "setup/",
}  # fmt: skip


# A round of tests has a connection to the database of its own, which the test's own transaction would hold up.
SENT = {"/connections/test-all/": "q=no+connection+of+this+name"}
# Where a form asks for more than the page that it stands on.
MORE = {("POST", "playground/<id:pk>/versions/"): Access.EDITOR}
FORM = "application/x-www-form-urlencoded"


class Visitor:
    """Somebody with a role, or nobody; each request is undone, and none changes who it is."""

    def __init__(self, user: Any) -> None:
        self.client = Client(raise_request_exception=False)
        if user.is_authenticated:
            self.client.force_login(user)
        self.cookies = {name: morsel.value for name, morsel in self.client.cookies.items()}

    def send(self, method: str, address: str, headers: dict[str, str]) -> HttpResponseBase:
        self.client.cookies.clear()
        self.client.cookies.load(self.cookies)
        with transaction.atomic():
            response = self.client.generic(method, address, SENT.get(address, ""), FORM, headers=headers)
            if response.streaming:
                close_stream(response)
            transaction.set_rollback(True)
        return response


def close_stream(response: HttpResponseBase) -> None:
    """As a browser that goes away. The end of a request would close the connection of the test."""
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)


def outcome_of(access: Access, role: Role | None) -> str:
    if access is Access.ANYONE:
        return "open"
    if role is None:
        return "signs in"
    return "allowed" if role.rank >= Role(access).rank else "refused"


def faults_of(outcome: str, access: Access, method: str, headers: dict[str, str], response: Any) -> Iterator[str]:
    """What is wrong with the answer."""
    status, allow = response.status_code, response.headers.get("Allow", "")
    if status >= 500:
        yield "is an error of the server"
    elif outcome == "signs in":
        if headers and (status, response.headers.get("X-Session")) != (401, "signed-out"):
            yield "does not say to the script that nobody is signed in"
        elif not headers and not response.headers.get("Location", "").startswith(f"/{settings.LOGIN_URL}/?next="):
            yield "does not lead to the log-in"
    elif status == 405:
        if not allow or method in allow.split(", "):
            yield f"refuses the method, and allows {allow}"
    elif outcome == "refused":
        if status != 403:
            yield "lets somebody in who may not"
        elif method != "HEAD" and escape(REFUSALS[Role(access)]) not in response.content.decode():
            yield "does not say who may"
    elif method in NEVER or (method == "OPTIONS" and not allow):
        yield "takes a method that nothing sends"
    elif status in (401, 403, 404) or response.headers.get("Location", "").startswith("/login/?next="):
        yield "does not let somebody in who may"


@pytest.fixture
def quiet() -> Iterator[None]:
    """What is refused is logged, and what calls a model leaves its connections to the collector."""
    logging.disable(logging.CRITICAL)
    yield
    gc.collect()
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("quiet", "simulator")
@pytest.mark.parametrize("role", [None, *Role], ids=["nobody", *Role])
def test_everybody_gets_as_far_as_their_role(person, role):
    # What nothing sends is tried by those who may least and most.
    methods = SENT_BY_PAGES if role in (Role.RUNNER, Role.EDITOR) else (*SENT_BY_PAGES, *NEVER)
    user = person(role) if role else AnonymousUser()
    visitor, examples = Visitor(user), examples_of(user if role else person(Role.EDITOR))
    troubles = []
    for route, view in PAGES:
        address = address_of(route, examples)
        for method in methods:
            access = MORE.get((method, route), view.access)
            outcome = outcome_of(access, role)
            for headers in ({}, HTMX) if method in ("GET", "POST") else ({},):
                response = visitor.send(method, address, headers)
                if response.status_code == 404 and outcome in ("open", "allowed") and route in NAMED_ELSEWHERE:
                    continue
                for fault in faults_of(outcome, access, method, headers, response):
                    troubles.append(f"{method} {address} {'by htmx ' * bool(headers)}{fault}: {response.status_code}")
    assert not troubles, "\n" + "\n".join(troubles)
