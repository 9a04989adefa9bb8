"""The set-up page: open once, for who sits at the machine or holds the code."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from foundryflow import first_run
from foundryflow.setup_code import setup_code

GIVEN = {"name": "Ada Nilsen", "email": "ada@contoso.example", "password": "correct horse staple"}
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture(autouse=True)
def fresh_throttle(monkeypatch):
    monkeypatch.setattr(first_run, "throttle", first_run.Throttle())


@pytest.mark.django_db
def test_an_empty_installation_leads_there():
    response = Client().get("/", follow=True)
    assert response.redirect_chain[-1][0] == "/setup/"
    assert "Set up this server" in response.content.decode()


@pytest.mark.django_db
def test_the_first_administrator_is_created_and_signed_in():
    response = Client().post("/setup/", GIVEN, follow=True)
    assert "Three steps to a first answer" in response.content.decode()
    assert User.objects.get().is_superuser


@pytest.mark.django_db
def test_it_closes_itself(alice):
    assert Client().get("/setup/").status_code == 404
    assert Client().post("/setup/", GIVEN).status_code == 404
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("extra", [ELSEWHERE, {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}])
def test_from_elsewhere_the_code_is_needed(extra):
    client = Client()
    assert client.post("/setup/", GIVEN, **extra).status_code == 422
    assert client.post("/setup/", {**GIVEN, "code": "AAAA-BBBB"}, **extra).status_code == 422
    assert client.post("/setup/", {**GIVEN, "code": setup_code().lower()}, **extra).status_code == 302


@pytest.mark.django_db
def test_codes_cannot_be_guessed_in_a_row():
    for _ in range(first_run.MOST_WRONG_CODES):
        Client().post("/setup/", {**GIVEN, "code": "AAAA-BBBB"}, **ELSEWHERE)
    response = Client().post("/setup/", {**GIVEN, "code": setup_code()}, **ELSEWHERE)
    assert "Too many wrong codes" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"password": "short"}, {"password": "password1234"}, {"email": "no"}, {"name": ""}])
def test_wrong_input_keeps_what_was_typed_but_the_password(wrong):
    response = Client().post("/setup/", {**GIVEN, **wrong})
    assert response.status_code == 422
    assert GIVEN["password"] not in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_log_in_locks_after_failed_attempts(alice):
    client = Client()
    for _ in range(8):
        response = client.post("/login/", {"username": "alice", "password": "wrong"})
    assert response.status_code == 429
    response = client.post("/login/", {"username": "alice", "password": "a long enough password"})
    assert response.status_code == 429
