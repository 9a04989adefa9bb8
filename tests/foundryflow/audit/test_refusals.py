"""Who is refused is written down, wherever it happens."""

import pytest
from django.test import Client
from django.urls import reverse

from connections.audit import record_test
from connections.kinds.base import SignInCheck
from flows.models import Flow
from foundryflow.audit.record import Origin
from foundryflow.audit.refusals import path_of
from foundryflow.audit.rows import AuditRow
from foundryflow.models import AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.roles import Role
from tests.factories import make_connection, make_flow

pytestmark = pytest.mark.django_db


def refusals():
    return [AuditRow(entry, "").sentence for entry in AuditEntry.objects.filter(is_refused=True)]


def test_a_role_that_is_too_low(client_bob, bob):
    assert client_bob.post("/flows/new/?token=planted", {"name": "x"}).status_code == 403
    [entry] = AuditEntry.objects.all()
    assert refusals() == ["Bob tried to change /flows/new/: Only editors may change this"]
    assert (entry.by, entry.address, entry.data["page"], entry.data["method"]) == (
        bob,
        "127.0.0.1",
        "flows:new",
        "POST",
    )
    assert "planted" not in str(AuditEntry.objects.values())


def test_the_secret_of_a_link_is_no_part_of_the_path(rf, bob):
    for secret in ("Q3v9xk1Zr7tYp0sLmN8bVcXaWdEfGhJk", "q3v9xk1Zr7tYp0s-LmN8bVcX_aWdEf"):
        request = rf.get(f"/join/{secret}/")
        assert path_of(request) == "/join/••••/"
    token = "2-diudad-5a3dbe7721e04cf9a1b8c6f2d7e3a940"  # as that of a password link: without a capital
    assert path_of(rf.get(f"/password/{token}/")) == "/password/••••/"
    slug = "answer-a-customer-who-writes-at-length-and-in-detail"
    assert path_of(rf.get(f"/flows/{slug}/delete/")) == f"/flows/{slug}/delete/"


def test_repeated_ones_are_one_entry(client_bob):
    for _ in range(5):
        client_bob.get("/audit-log/")
    assert refusals() == ["Bob tried to open /audit-log/: Only administrators may do this, 5 times"]


def test_async_views_are_no_exception(client_bob, alice):
    connection = make_connection()
    assert client_bob.post(reverse("connections:check", args=[connection.pk])).status_code == 403
    assert len(refusals()) == 1


def test_somebody_elses_session(client_alice, person):
    from tests.playground.session_factory import make_session

    made = make_session(person(Role.EDITOR), shared=True)
    assert client_alice.post(reverse("playground:save", args=[made.pk]), {}).status_code == 403
    assert "Only editor@contoso.example may change this session" in refusals()[0]


def test_a_form_without_its_token(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/flows/new/", {"name": "x"}, headers={"Origin": "https://evil.example"}).status_code == 403
    [entry] = AuditEntry.objects.all()
    assert refusals() == ["Alice sent a form without its token to /flows/new/"]
    assert entry.data["origin"] == "https://evil.example"
    assert not Flow.objects.exists()


def test_strangers_leave_nothing_here():
    assert Client().get("/audit-log/").status_code == 302
    assert Client(enforce_csrf_checks=True).post("/login/", {"username": "x"}).status_code == 403
    assert not AuditEntry.objects.exists()


def test_a_destination_that_is_not_allowed(client_alice):
    connection = make_connection(endpoint="https://10.1.2.3/openai/v1")
    connection.default_model = "fast"
    connection.save()
    client_alice.post(reverse("connections:check", args=[connection.pk]))
    assert refusals() == ["Alice tried to test contoso: the destination 10.1.2.3 is not allowed"]


def test_other_outcomes_of_a_test_are_no_refusals():
    record_test(Origin(Via.BROWSER, None, "Bo"), make_connection(), SignInCheck(False, "", "auth_key"))
    assert not refusals()
    assert AuditRow(AuditEntry.objects.get(), "").sentence == (
        "Bo used the key of contoso for a test, failed with auth_key"
    )


def test_a_refusal_stays_one_when_it_cannot_be_written(client_bob, monkeypatch):
    from django.db import OperationalError

    from foundryflow.audit import refusals as module

    def fail(*args, **kwargs):
        raise OperationalError("the disk is full")

    make_flow()
    monkeypatch.setattr(module, "record", fail)
    assert client_bob.post("/flows/new/", {"name": "x"}).status_code == 403
