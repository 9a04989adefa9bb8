"""A short one of each; `make chaos` runs the long ones."""

import pytest

from tests.processes import ran


@pytest.mark.timeout(330)
@pytest.mark.parametrize("database", [[], ["--postgres"]], ids=["sqlite", "postgresql"])
def test_nothing_is_lost_and_nothing_paid_twice_while_processes_are_killed(database):
    code, said = ran(
        ["-m", "tests.chaos", "--flows", "18", "--kills", "4", "--within", "8", "--seed", "11", *database], 300
    )
    assert code == 0, said[-5_000:]
