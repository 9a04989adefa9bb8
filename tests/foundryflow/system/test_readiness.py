"""What load balancers ask."""

from dataclasses import replace

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from flows import engine
from foundryflow.system import readiness, registry
from foundryflow.system.readiness import Remembered

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.setattr(readiness, "_remembered", Remembered())


@pytest.fixture
def open_engine(monkeypatch):
    source = registry.engine()
    monkeypatch.setattr(registry, "_engines", [replace(source, is_open=lambda: True)])


def answer():
    response = Client().get("/readyz")
    return response.status_code, response.content.decode()


def test_all_is_well(open_engine):
    assert answer() == (200, "ready")


def test_an_engine_that_is_not_open(db):
    assert not engine.is_open()
    assert answer() == (503, "engine")


def test_a_migration_that_is_missing(open_engine):
    recorder = MigrationRecorder(connection)
    recorder.migration_qs.filter(app="foundryflow", name__gte="0006").delete()
    assert answer() == (503, "migrations")


def test_a_database_that_is_away(open_engine, monkeypatch):
    def away():
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", away)
    assert answer() == (503, "database")


def test_migrations_are_not_looked_at_with_each_question(open_engine, django_assert_num_queries):
    answer()
    with django_assert_num_queries(1):
        answer()


def test_it_answers_by_http_where_pages_lead_to_https(open_engine, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert answer() == (200, "ready")
