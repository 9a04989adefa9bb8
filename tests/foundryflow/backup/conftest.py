"""A filled installation of each kind, made once."""

from __future__ import annotations

import shutil
from uuid import uuid4

import pytest

from tests.foundryflow.backup.installations import Installation


@pytest.fixture(scope="session")
def new_sqlite(tmp_path_factory):
    def make(**environment: str) -> Installation:
        """Without a database."""
        folder = tmp_path_factory.mktemp("installation")
        return Installation(f"sqlite:///{folder}/db.sqlite3", folder, **environment)

    return make


@pytest.fixture(scope="session")
def new_postgresql(tmp_path_factory, postgres):
    def make(**environment: str) -> Installation:
        """With every table, and no row."""
        folder = tmp_path_factory.mktemp("installation")
        url = postgres.create_database(f"installation_{uuid4().hex}")  # the server is one for all workers
        return Installation(url, folder, **environment)

    return make


@pytest.fixture(scope="session")
def filled_file(new_sqlite, migrated):
    """A backup of an installation on SQLite that holds something of everything."""
    installation = new_sqlite()
    shutil.copy(migrated, installation.environment["FOUNDRYFLOW_DATABASE_URL"].removeprefix("sqlite:///"))
    installation.fill()
    return installation.back_up("filled.backup")


@pytest.fixture(scope="session")
def on_sqlite(new_sqlite, filled_file):
    """Restored from that backup; nobody changes it."""
    installation = new_sqlite()
    installation.restore(filled_file)
    return installation


@pytest.fixture(scope="session")
def on_postgresql(new_postgresql, filled_file):
    installation = new_postgresql()
    installation.restore(filled_file)
    return installation
