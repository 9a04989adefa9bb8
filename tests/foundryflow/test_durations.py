"""How long something took, as people read it."""

import pytest

from foundryflow.templatetags.ui import duration_ms


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(None, ""), (0, "0 ms"), (12.4, "12 ms"), (99, "99 ms"), (100, "0.10 s"), (9_990, "9.99 s"), (59_000, "59.0 s"), (92_000, "1:32")],
)  # fmt: skip
def test_the_shorter_the_finer(milliseconds, shown):
    assert duration_ms(milliseconds) == shown
