"""The doors of the server: health, log-in, log-out and the change of one's password."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
RIGHT = {"username": "alice", "password": "a long enough password"}


def test_health_is_answered_to_anybody_without_asking_who_it_is(django_assert_num_queries):
    with django_assert_num_queries(0):
        response = Client().get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")
    assert response.headers["Content-Type"] == "text/plain"


def test_the_right_password_leads_in(alice):
    client = Client()
    response = client.post("/login/", RIGHT)
    assert response.status_code == 302
    assert client.get("/flows/").status_code == 200


@pytest.mark.parametrize("wrong", [{"password": "no"}, {"username": "nobody"}, {"password": ""}, {"username": ""}])
def test_wrong_input_says_so_and_keeps_the_name_alone(alice, wrong):
    client = Client()
    response = client.post("/login/", {**RIGHT, **wrong})
    assert response.status_code == 422
    body = response.content.decode()
    assert RIGHT["password"] not in body
    assert "Name or password is wrong" in body or "field-error" in body
    assert client.get("/flows/").status_code == 302


def test_an_account_that_is_switched_off_does_not_lead_in(alice):
    alice.is_active = False
    alice.save()
    assert Client().post("/login/", RIGHT).status_code == 422


def test_log_in_leads_to_the_page_that_was_wanted_and_to_no_other_server(alice):
    response = Client().get("/runs/?state=failed")
    assert response.url == "/login/?next=/runs/%3Fstate%3Dfailed"
    assert Client().post("/login/", {**RIGHT, "next": "/runs/"}).url == "/runs/"
    assert Client().post("/login/", {**RIGHT, "next": "https://evil.example/"}).url.startswith("/")


def test_who_is_in_needs_no_log_in(client_alice):
    assert client_alice.get("/login/").status_code == 302


def test_an_empty_installation_has_no_log_in():
    assert Client().get("/login/").url == "/setup/"


def test_log_out_ends_the_session(client_alice):
    assert client_alice.post("/logout/").status_code == 302
    assert client_alice.get("/flows/").status_code == 302


def test_an_address_alone_logs_nobody_out(client_alice):
    assert client_alice.get("/logout/").status_code == 405
    assert client_alice.get("/flows/").status_code == 200


def test_a_stranger_has_no_password_to_change():
    response = Client().post("/account/password/", {})
    assert response.status_code == 302
    assert response.url.startswith("/login/")


def test_a_reader_changes_their_own_password(client_bob, bob):
    new = "quite another password"
    typed = {"old_password": "another long password", "new_password1": new, "new_password2": new}
    assert client_bob.post("/account/password/", typed).status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(new)
