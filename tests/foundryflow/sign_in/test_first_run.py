"""The set-up page: open once, for whoever holds the code, wherever they seem to come from."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from foundryflow.models import Attempt
from foundryflow.sign_in.first_run import WRONG_CODES
from foundryflow.sign_in.setup_code import setup_code

NAMED = {"name": "Ada Nilsen", "email": "ada@contoso.example", "password": "correct horse staple"}
GIVEN = {**NAMED, "code": setup_code()}


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
@pytest.mark.parametrize("extra", [{}, {"REMOTE_ADDR": "203.0.113.9"}, {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}])
def test_the_code_is_always_needed(extra):
    client = Client()
    assert client.post("/setup/", NAMED, **extra).status_code == 422
    assert client.post("/setup/", {**NAMED, "code": "AAAA-BBBB"}, **extra).status_code == 422
    assert not User.objects.exists()
    assert client.post("/setup/", {**NAMED, "code": setup_code().lower()}, **extra).status_code == 302


@pytest.mark.django_db
def test_the_page_says_where_the_code_stands_and_a_command_prints_it(capsys):
    assert "manage.py setupcode" in Client().get("/setup/").content.decode()
    call_command("setupcode")
    assert capsys.readouterr().out.strip() == setup_code()


@pytest.mark.django_db
def test_codes_cannot_be_guessed_in_a_row_from_many_addresses():
    for number in range(WRONG_CODES.most):
        Client().post("/setup/", {**NAMED, "code": "AAAA-BBBB"}, REMOTE_ADDR=f"203.0.{number}.9")
    response = Client().post("/setup/", GIVEN, REMOTE_ADDR="198.51.100.7")
    assert "Too many wrong codes" in response.content.decode()
    Attempt.objects.update(at=timezone.now() - timedelta(seconds=61))
    assert Client().post("/setup/", GIVEN).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"password": "short"}, {"password": "password1234"}, {"email": "no"}, {"name": ""}])
def test_wrong_input_keeps_what_was_typed_but_the_password(wrong):
    response = Client().post("/setup/", {**GIVEN, **wrong})
    assert response.status_code == 422
    assert GIVEN["password"] not in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
def test_the_password_is_the_one_that_was_typed():
    typed = " correct horse staple "
    assert Client().post("/setup/", {**GIVEN, "password": typed}).status_code == 302
    assert User.objects.get().check_password(typed)
