"""Pages and calls while the database does not answer."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from django.db import DatabaseError, InternalError, OperationalError, connection
from django.test import Client

from flows.api import keys
from foundryflow.database import absence_log, errors, waiting
from foundryflow.models import ApiKey
from foundryflow.throttle import Throttle


def away(execute, sql, params, many, context):
    raise OperationalError("connection to server at 10.0.0.7 lost")


@pytest.fixture
def visitor(client_alice):
    client_alice.raise_request_exception = False
    return client_alice


@pytest.mark.parametrize("path", ["/login/", "/runs/", "/flows/", "/connections/"])
def test_a_page_is_a_sentence_with_the_time_to_come_back(visitor, path, caplog):
    absence_log.note_throttle = Throttle(0)
    with connection.execute_wrapper(away):
        answer = visitor.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == str(waiting.RETRY_AFTER)
    text = answer.content.decode()
    assert "The database does not answer at the moment" in text
    assert "10.0.0.7" not in text
    assert "Traceback" not in caplog.text
    assert f"action=database_away error=OperationalError path={path}" in caplog.text


def test_somebody_who_is_not_signed_in_gets_the_same(db):
    with connection.execute_wrapper(away):
        answer = Client(raise_request_exception=False).get("/runs/")
    assert answer.status_code == 302  # nothing of the database is needed to send them to the log-in


def test_an_htmx_request_gets_a_message_and_the_page_stays(visitor):
    with connection.execute_wrapper(away):
        answer = visitor.get("/runs/", headers={"HX-Request": "true"})
    assert answer.status_code == 503
    assert answer.headers["HX-Reswap"] == "none"
    text = answer.content.decode()
    assert text.startswith('<hx-partial hx-target="#messages"')
    assert "does not answer" in text


def test_the_api_answers_with_a_problem(alice):
    keys.forget_keys()
    _, key = ApiKey.objects.issue("tests", ["read"], by=None)
    with connection.execute_wrapper(away):
        answer = Client().get("/api/runs", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == str(waiting.RETRY_AFTER)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("The database does not answer")


def test_a_bug_is_none_of_it(visitor):
    def wrong(execute, sql, params, many, context):
        raise DatabaseError("a bug of ours")

    with connection.execute_wrapper(wrong):
        assert visitor.get("/runs/").status_code == 500


def caused(error, cause):
    error.__cause__ = cause
    return error


def of_sqlite(code):
    cause = sqlite3.OperationalError("words of SQLite")
    cause.sqlite_errorcode = code
    return caused(OperationalError(), cause)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (caused(OperationalError(), psycopg.OperationalError("server closed the connection")), True),
        (caused(OperationalError(), psycopg.errors.AdminShutdown()), True),
        (caused(OperationalError(), psycopg.errors.DeadlockDetected()), True),
        (caused(OperationalError(), psycopg.errors.DiskFull()), True),
        (caused(InternalError(), psycopg.errors.IdleInTransactionSessionTimeout()), True),
        (caused(InternalError(), psycopg.InternalError()), False),
        (caused(OperationalError(), psycopg.errors.ProgramLimitExceeded()), False),
        (caused(OperationalError(), psycopg.errors.OutOfMemory()), False),
        (of_sqlite(sqlite3.SQLITE_BUSY), True),
        (of_sqlite(sqlite3.SQLITE_BUSY | 2 << 8), True),
        (of_sqlite(sqlite3.SQLITE_FULL), True),
        (of_sqlite(sqlite3.SQLITE_ERROR), False),
        (DatabaseError(), False),
        (ValueError(), False),
    ],
)
def test_what_may_succeed_later_is_told_from_what_never_will(error, expected):
    assert errors.is_away(error) is expected


@pytest.mark.parametrize(
    ("code", "visitors", "operators"),
    [
        (sqlite3.SQLITE_BUSY, "another process is writing", "locked by another process"),
        (sqlite3.SQLITE_FULL, "disk of the database is full", "is full: make room"),
        (sqlite3.SQLITE_READONLY, "cannot be written", "cannot be written: give this user the right"),
        (sqlite3.SQLITE_CORRUPT, "The database is damaged", "docs/running.md"),
        (sqlite3.SQLITE_IOERR, "does not answer", "check the disk"),
    ],
)
def test_visitors_and_operators_read_what_they_can_do(tmp_path, monkeypatch, code, visitors, operators):
    file = tmp_path / "some.sqlite3"
    monkeypatch.setattr(errors, "sqlite_file", lambda: file)
    assert visitors in errors.sentence_for_visitors(of_sqlite(code))
    assert str(file) not in errors.sentence_for_visitors(of_sqlite(code))
    told = errors.sentence_for_operators(of_sqlite(code))
    assert operators in told
    assert str(file) in told
