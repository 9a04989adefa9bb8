"""The tests that touch the database, once more on a real PostgreSQL, which a package brings along."""

import os

import pytest

from tests.processes import ran

# Where a statement of our own, a constraint, a lock or a search decides, or what a column holds.
SUITES = (
    ("tests/engine",),
    ("tests/on_postgres", "tests/api/test_described.py"),
    (
        "tests/catalog/test_catalog.py",
        "tests/designer/test_pins.py",
        "tests/designer/test_shown_run.py",
        "tests/designer/test_two_people.py",
        "tests/models",
        "tests/revisions",
        "tests/runs/test_run_iterations.py",
        "tests/runs/test_run_list.py",
        "tests/runs/test_run_retry.py",
        "tests/runs/test_run_steps.py",
        "tests/runs/test_run_values.py",
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
    (
        "tests/connections/test_connections.py",
        "tests/connections/test_checks.py",
        "tests/connections/test_lesson_memory.py",
        "tests/connections/limits",
        "tests/foundryflow/account/test_sessions.py",
        "tests/foundryflow/audit/test_list.py",
        "tests/foundryflow/audit/test_record.py",
        "tests/foundryflow/audit/test_retention.py",
        "tests/foundryflow/backup/test_consistent.py",
        "tests/foundryflow/encryption",
        "tests/foundryflow/invitations",
        "tests/foundryflow/people/test_list.py",
        "tests/foundryflow/people/test_membership.py",
        "tests/foundryflow/people/test_stale_person.py",
        "tests/foundryflow/sign_in/test_code.py",
        "tests/foundryflow/sign_in/test_sign_in.py",
        "tests/foundryflow/system",
        "tests/foundryflow/test_nasty_values.py",
        "tests/foundryflow/test_session_watch.py",
    ),
)
# What a run keeps of a key is decided before any database is asked: a case of it is in test_executor.py. A document
# that cannot be read is the same wherever it lies.
ELSEWHERE = ("ten_thousand", "goes_on_when_its_process", "key_is_in_no_table", "document_that_cannot_be_read")


# What hangs is ended by the limit of its own test; the machine may be busy.
@pytest.mark.timeout(930)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite[0])
def test_what_works_on_sqlite_works_on_postgresql(postgres, suite):
    chosen = ["-k", " and ".join(f"not {name}" for name in ELSEWHERE), *suite]
    # A database of its own: what one suite leaves is sealed with a key that the next does not have.
    name = f"suite_{SUITES.index(suite)}"
    postgres.create_database(f"test_{name}")
    environment = {**os.environ, "FOUNDRYFLOW_TEST_DATABASE_URL": postgres.url(name)}
    code, said = ran(["-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen], 900, environment)
    # What failed first: what libraries say as the process ends may be longer than all of it.
    failed = [line for line in said.splitlines() if line.startswith(("E  ", "FAILED", "ERROR"))]
    assert code == 0, "\n".join([*failed, said[-4_000:], "The server:", postgres.read_log()])
    assert "skipped" not in said
