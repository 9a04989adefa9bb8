"""The rate limits that headers tell."""

import pytest

from connections.foundry.told_limits import told_limits


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, {}),
        ({"content-type": "x", "x-ratelimit-odd": "1", "x-ratelimit-limit-pages": "1", "my-ratelimit-x": "2"}, {}),
        ({"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "12", "x-ratelimit-reset-tokens": "6m0s"},
         {"requests": {"limit": "60", "remaining": "12"}, "tokens": {"reset": "6m0s"}}),
        ({"anthropic-ratelimit-input-tokens-remaining": "9"}, {"input-tokens": {"remaining": "9"}}),
        ({"anthropic-ratelimit-output-tokens-limit": "9"}, {"output-tokens": {"limit": "9"}}),
        ({"x-ratelimit-limit-tokens": "9" * 500}, {"tokens": {"limit": "9" * 60}}),
    ],
)  # fmt: skip
def test_limits_are_read_from_headers_of_both_forms(headers, told):
    assert told_limits(headers) == told
