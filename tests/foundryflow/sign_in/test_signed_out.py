"""What somebody gets who is not signed in any more, or whose page has a token of another session."""

import pytest
from django.test import Client

from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def strict_alice(alice):
    """With the check of tokens that the test client leaves out otherwise."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    return client


@pytest.mark.parametrize("headers", [HTMX, {"Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Mode": "same-origin"}])
def test_a_page_that_asks_by_itself_gets_one_region_and_no_redirect(headers):
    for method in ("get", "post"):
        response = getattr(Client(), method)("/flows/", headers=headers)
        body = response.content.decode()
        assert response.status_code == 401
        assert response.headers["HX-Reswap"] == "none"
        assert response.headers["X-Session"] == "signed-out"
        assert body.count("<hx-partial") == 1
        assert 'hx-target="#session-bar"' in body
        assert "You are signed out.</strong> Sign in in another tab; nothing is lost." in " ".join(body.split())
        assert 'href="/login/?next=/account/signed-in/"' in body


def test_a_stream_is_refused_and_not_redirected(alice):
    run = make_run(make_flow(), question="x")
    assert Client().get(f"/runs/{run.pk}/stream/", headers=HTMX).status_code == 401


def test_whoever_goes_to_a_page_is_led_to_the_log_in_and_back():
    assert Client().get("/runs/?state=failed").url == "/login/?next=/runs/%3Fstate%3Dfailed"
    assert Client().get("/runs/", headers={"Sec-Fetch-Mode": "navigate"}).status_code == 302


def test_a_form_leads_back_to_the_page_that_it_was_on():
    sent = Client().post("/connections/new/", headers={"Referer": "http://testserver/connections/new/?kind=sql"})
    assert sent.url == "/login/?next=/connections/new/%3Fkind%3Dsql"
    for referer in ("", "https://evil.example/connections/new/"):
        assert Client().post("/flows/x/undo/", headers={"Referer": referer}).url == "/login/?next=/flows/"


def test_the_api_keeps_its_own_answer():
    response = Client().get("/api/runs", headers=HTMX)
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_page_asks_who_is_signed_in_and_gets_a_token_that_works(strict_alice, alice):
    assert Client().get("/account/session/").json() == {"person": None}
    found = strict_alice.get("/account/session/").json()
    assert found["person"] == alice.pk
    assert found["name"]
    assert strict_alice.post("/logout/", headers={"X-CSRFToken": found["token"]}).status_code == 302


def test_asking_who_is_signed_in_is_not_being_there(client_alice, monkeypatch):
    client_alice.get("/flows/")
    before = client_alice.session["seen_at"]
    monkeypatch.setattr("foundryflow.sign_in.session_limits.time.time", lambda: before + 3_600)
    client_alice.get("/account/session/", headers={"X-Unattended": "1"})
    assert client_alice.session["seen_at"] == before


def test_a_missing_token_is_told_from_a_missing_person(strict_alice):
    stale = strict_alice.post("/flows/new/", {"name": "x"}, headers=HTMX)
    assert (stale.status_code, stale.headers["X-Session"], stale.headers["HX-Reswap"]) == (403, "stale", "none")
    assert 'hx-target="#messages"' in stale.content.decode()
    assert "Nothing was done" in stale.content.decode()
    gone = Client(enforce_csrf_checks=True).post("/flows/new/", {"name": "x"}, headers=HTMX)
    assert (gone.status_code, gone.headers["X-Session"]) == (401, "signed-out")


def test_a_missing_token_of_a_plain_form_is_a_page_of_ours_with_a_way_back(strict_alice):
    page = strict_alice.post("/flows/new/", {"name": "x"}, headers={"Referer": "http://testserver/flows/new/"})
    body = page.content.decode()
    assert page.status_code == 403
    assert "This page was too old" in body
    assert 'href="/flows/new/"' in body
    assert "<style" not in body
    assert Client(enforce_csrf_checks=True).post("/flows/new/", {"name": "x"}).status_code == 302


def test_a_log_in_with_an_old_token_says_so_and_leads_back_to_itself(alice):
    page = Client(enforce_csrf_checks=True).post(
        "/login/?next=/runs/", {"username": "alice"}, headers={"Referer": "http://testserver/login/?next=/runs/"}
    )
    assert page.status_code == 403
    assert 'href="/login/?next=/runs/"' in page.content.decode()


def test_somebody_else_can_sign_in_where_one_is_signed_in(client_bob):
    assert client_bob.get("/login/").status_code == 302
    assert client_bob.get("/login/?again&next=/account/signed-in/").status_code == 200
    assert "You are signed in" in client_bob.get("/account/signed-in/").content.decode()
    assert Client().get("/account/signed-in/").status_code == 302
