"""The rate limits that headers tell, and tokens that nobody has counted."""

import pytest

from connections.foundry.estimates import with_estimated_usage
from connections.foundry.told_limits import told_limits
from connections.foundry.values import ChatRequest, Completion, Message, Usage


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, {}),
        ({"content-type": "x", "x-ratelimit-odd": "1", "x-ratelimit-limit-pages": "1", "my-ratelimit-x": "2"}, {}),
        ({"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "12", "x-ratelimit-reset-tokens": "6m0s"},
         {"requests": {"limit": "60", "remaining": "12"}, "tokens": {"reset": "6m0s"}}),
        ({"anthropic-ratelimit-input-tokens-remaining": "9"}, {"input-tokens": {"remaining": "9"}}),
        ({"x-ratelimit-limit-tokens": "9" * 500}, {"tokens": {"limit": "9" * 60}}),
    ],
)  # fmt: skip
def test_limits_are_read_from_headers_of_both_forms(headers, told):
    assert told_limits(headers) == told


def completion(usage):
    return Completion("x" * 41, None, "stop", usage, "m", None, 200, "https://x")


def test_tokens_are_estimated_only_where_none_were_counted():
    request = ChatRequest("m", [Message("system", "y" * 20), Message("user", [{"type": "text", "text": "z" * 20}])])
    assert with_estimated_usage(request, completion(Usage())).usage == Usage(10, 11, 21, estimated_tokens=21)
    counted = completion(Usage(0, 0, 7))
    assert with_estimated_usage(request, counted) is counted
