"""The tests that touch the database, once more on a real PostgreSQL, which a package brings along."""

import os

import pytest

from tests.processes import ran

SUITES = (
    ("tests/engine",),
    ("tests/on_postgres", "tests/api/test_described.py"),
    (
        "tests/catalog",
        "tests/lint/test_literal_secrets.py",
        "tests/models",
        "tests/revisions",
        "tests/runs",
        "tests/designer",
    ),
    (
        "tests/connections/test_connections.py",
        "tests/connections/test_checks.py",
        "tests/connections/test_lesson_memory.py",
        "tests/connections/limits/test_limits.py",
        "tests/foundryflow",
    ),
    (
        "tests/playground/chat/session_page",
        "tests/playground/sessions/test_session_list.py",
        "tests/playground/test_versions.py",
        "tests/pricing/test_price_pages.py",
        "tests/playground/roundtrip/test_roundtrip_use.py",
        "tests/batch/test_batch_views.py",
        "tests/batch/test_batch_lifecycle.py",
        "tests/usage/test_budget_pages.py",
        "tests/usage/test_usage_page.py",
        "tests/api_keys",
    ),
)


# What hangs is ended by the limit of its own test; the machine may be busy.
@pytest.mark.timeout(930)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite[0])
def test_what_works_on_sqlite_works_on_postgresql(postgres, suite):
    # What a run keeps of a key is decided before any database is asked: a case of it is in test_executor.py.
    elsewhere = "not ten_thousand and not goes_on_when_its_process and not key_is_in_no_table"
    chosen = ["-k", elsewhere, *suite]
    # A database of its own: what one suite leaves is sealed with a key that the next does not have.
    name = f"suite_{SUITES.index(suite)}"
    postgres.create_database(f"test_{name}")
    environment = {**os.environ, "FOUNDRYFLOW_TEST_DATABASE_URL": postgres.url(name)}
    code, said = ran(["-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen], 900, environment)
    # What failed first: what libraries say as the process ends may be longer than all of it.
    failed = [line for line in said.splitlines() if line.startswith(("E  ", "FAILED", "ERROR"))]
    assert code == 0, "\n".join([*failed, said[-4_000:], "The server:", postgres.read_log()])
    assert "skipped" not in said
