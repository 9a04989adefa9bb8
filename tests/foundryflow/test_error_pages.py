"""What a visitor sees when something goes wrong, and what they do not see."""

import sqlite3

import pytest
from django.db import OperationalError
from django.http import Http404
from django.test import Client, RequestFactory

from foundryflow import error_pages
from foundryflow.database.waiting import RETRY_AFTER

pytestmark = pytest.mark.django_db


def away():
    error = OperationalError("database is locked")
    error.__cause__ = sqlite3.OperationalError("database is locked")
    error.__cause__.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def answer_to(error, **headers):
    request = RequestFactory().get("/flows/", headers=headers)
    try:
        raise error
    except type(error):
        return error_pages.server_error(request)


def test_what_is_not_there_says_so_with_a_way_out(client_alice):
    response = client_alice.get("/nothing/here/")
    assert response.status_code == 404
    assert "What you look for does not exist" in response.content.decode()
    assert 'href="/"' in response.content.decode()


def test_a_missing_object_says_what_it_was(client_alice):
    response = client_alice.get("/connections/999/")
    assert response.status_code == 404
    assert "This connection does not exist any more." in response.content.decode()


def test_a_sentence_of_a_stranger_is_not_repeated_at_length():
    response = error_pages.not_found(RequestFactory().get("/x/"), Http404("y" * 300))
    assert "yyy" not in response.content.decode()


@pytest.mark.parametrize(("headers", "words"), [({}, ""), ({"HX-Request": "true"}, "What you typed is still here.")])
def test_what_is_too_large_says_how_large_it_may_be(client_alice, settings, headers, words):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024**2
    response = client_alice.post("/flows/new/", {"name": "x" * 3_000_000}, headers=headers)
    assert response.status_code == 413
    assert f"What was sent is larger than 2 MB. Nothing was done. {words}".strip() in response.content.decode()


def test_who_may_not_reads_why(client_bob):
    response = client_bob.get("/connections/new/")
    assert response.status_code == 403
    assert "Only editors may change this." in response.content.decode()


def test_a_form_without_its_token_is_turned_away(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/logout/").status_code == 403
    assert "_auth_user_id" in client.session


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nothing/here/", 404, "What you look for does not exist"),
        ("/runs/999/", 404, "There is no run 999."),
        ("/connections/new/", 403, "Only editors may change this."),
    ],
)
def test_a_page_that_asked_by_itself_gets_a_message_and_stays_as_it_is(client_bob, path, status, words):
    response = client_bob.get(path, headers={"HX-Request": "true"})
    assert response.status_code == status
    assert response.headers["HX-Reswap"] == "none"
    assert response.content.decode().startswith('<hx-partial hx-target="#messages"')
    assert words in response.content.decode()


def test_a_fault_of_ours_is_a_message_there_too():
    response = answer_to(LookupError("secret detail"), **{"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Reswap"]) == (500, "none")
    assert "The log of the server says why" in response.content.decode()
    assert "secret detail" not in response.content.decode()


def test_a_fault_of_ours_tells_nothing_of_itself():
    response = answer_to(LookupError("secret detail"))
    assert response.status_code == 500
    assert "secret detail" not in response.content.decode()
    assert "The log of the server says why" in response.content.decode()


def test_a_database_that_is_away_is_a_page_that_says_when_to_come_back():
    response = answer_to(away())
    assert response.status_code == 503
    assert response.headers["Retry-After"] == str(RETRY_AFTER)
    assert response.headers["Cache-Control"] == "no-store"
    assert "The database is busy" in response.content.decode()


def test_a_part_of_a_page_stays_as_it_is_while_the_database_is_away():
    response = answer_to(away(), **{"HX-Request": "true"})
    assert response.status_code == 503
    assert response.headers["HX-Reswap"] == "none"
    assert 'hx-target="#messages"' in response.content.decode()
    assert "The database is busy" in response.content.decode()


def test_a_request_that_django_refuses_gets_its_page():
    response = error_pages.bad_request(RequestFactory().get("/"), ValueError("detail"))
    assert response.status_code == 400
    assert "detail" not in response.content.decode()
    assert "cannot be read" in response.content.decode()
