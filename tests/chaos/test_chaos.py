"""A short one of each; `make chaos` runs the long ones."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("database", [[], ["--postgres"]], ids=["sqlite", "postgresql"])
def test_nothing_is_lost_and_nothing_paid_twice_while_processes_are_killed(database):
    ran = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--flows", "18", "--kills", "4", "--seed", "11", *database],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-3_000:] + ran.stderr[-2_000:]
