"""A short one of each; `make chaos` runs the long ones."""

import shutil

import pytest

from tests.processes import ran

pytestmark = pytest.mark.timeout(330)


def play(*arguments):
    """A round, in which nothing may be lost and nothing paid twice while processes are killed."""
    code, said = ran(
        ["-m", "tests.chaos", "--flows", "18", "--kills", "4", "--within", "8", "--seed", "11", *arguments], 300
    )
    assert code == 0, said[-5_000:]


def test_nothing_is_lost_on_sqlite(migrated, tmp_path):
    shutil.copy(migrated, tmp_path / "chaos.sqlite3")
    play("--database", f"sqlite:///{tmp_path}/chaos.sqlite3")


def test_nothing_is_lost_on_postgresql(postgres):
    play("--postgres", "--database", postgres.create_database("chaos"))
