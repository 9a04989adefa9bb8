"""Keys of whole processes: a server with another key, and how a new installation gets its own."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from foundryflow.encryption.keys import fingerprint
from foundryflow.env import Environment
from tests.processes import ROOT, free_port, installed_on, listening, ran

OTHER = Fernet.generate_key().decode()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_plain_uvicorn_does_not_start_with_another_key(tmp_path, migrated, workers):
    shutil.copy(migrated, tmp_path / "old.sqlite3")
    environment = installed_on(f"sqlite:///{tmp_path}/old.sqlite3")
    code, said = ran(["manage.py", "flow", "list"], 60, environment)
    assert code == 0, said
    port = free_port()
    server = ["-m", "uvicorn", "foundryflow.asgi:application", "--port", str(port)]
    server += ["--workers", str(workers)]
    environment["FOUNDRYFLOW_ENCRYPTION_KEY"] = OTHER
    code, said = ran(server, 60, environment)
    assert code == (3 if workers == 1 else 0), said  # of several processes uvicorn tells no status
    assert f"holds only {fingerprint(OTHER)}" in said
    assert "Traceback" not in said
    assert OTHER not in said
    with listening(server, {**environment, "FOUNDRYFLOW_WITHOUT_SECRETS": "true"}, [port]):
        pass


def test_several_processes_of_uvicorn_end_with_a_setting_that_cannot_be(tmp_path):
    environment = installed_on(f"sqlite:///{tmp_path}/old.sqlite3")
    server = ["-m", "uvicorn", "foundryflow.asgi:application", "--port", str(free_port()), "--workers", "2"]
    _, said = ran(server, 60, {**environment, "FOUNDRYFLOW_RUN_CONCURRENCY": "many"})
    assert "ended after" not in said
    assert "FOUNDRYFLOW_RUN_CONCURRENCY" in said
    assert "Traceback" not in said


@pytest.fixture
def installation(tmp_path):
    """A folder like a new clone's, and how to make its .env."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "make_env.py", tmp_path / "scripts")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("FOUNDRYFLOW_", "DATABASE_"))}

    def make_env(*arguments: str, **environment: str) -> tuple[int, str]:
        return ran([str(tmp_path / "scripts" / "make_env.py"), *arguments], 30, {**plain, **environment})

    return tmp_path, make_env


def test_a_new_installation_gets_keys(installation):
    folder, make_env = installation
    code, said = make_env()
    assert (code, said) == (0, "Wrote .env with new keys.\n")
    written = (folder / ".env").read_text()
    environment = Environment(folder / ".env", {})
    assert environment.signing_key("SECRET_KEY")
    assert environment.key_ring("ENCRYPTION_KEY")
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert make_env()[0] == 0
    assert (folder / ".env").read_text() == written


@pytest.mark.parametrize("where", ["beside", "named"])
def test_no_new_keys_are_made_beside_a_database(installation, where):
    folder, make_env = installation
    file = Path(folder, "foundryflow.sqlite3" if where == "beside" else "elsewhere.sqlite3")
    file.write_bytes(b"SQLite format 3\0")
    environment = {} if where == "beside" else {"DATABASE_URL": f"sqlite:///{file}"}
    code, said = make_env(**environment)
    assert code == 1
    assert "put that back from the backup" in said
    assert not (folder / ".env").exists()
    code, said = make_env(**environment, FOUNDRYFLOW_SECRET_KEY="x", FOUNDRYFLOW_ENCRYPTION_KEY="y")
    assert (code, said) == (0, "The keys come from the environment.\n")


def test_where_nobody_can_tell_a_word_is_needed(installation):
    folder, make_env = installation
    url = f"postgres://nobody@127.0.0.1:{free_port()}/none"
    code, said = make_env(DATABASE_URL=url)
    assert code == 1
    assert "NEW=1" in said
    code, said = make_env("--new", DATABASE_URL=url)
    assert code == 0
    assert (folder / ".env").exists()


def test_a_database_that_was_only_opened_holds_nothing_to_lock_away(installation):
    folder, make_env = installation
    with closing(sqlite3.connect(folder / "foundryflow.sqlite3")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert (folder / "foundryflow.sqlite3").stat().st_size
    code, said = make_env()
    assert code == 0, said
