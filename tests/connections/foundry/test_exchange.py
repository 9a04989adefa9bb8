"""What is told of several refusals, and how long a service asks to wait."""

import pytest

from connections.foundry.answers import AttemptFailed
from connections.foundry.classify import MISSING_KEY
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.exchange import error_with_delay, most_telling

DEPLOYMENT, ROUTE, KEY = ErrorKind.NOT_FOUND_DEPLOYMENT, ErrorKind.NOT_FOUND_ROUTE, ErrorKind.AUTH_KEY
TOKEN, SERVER, PERMISSION = ErrorKind.AUTH_TOKEN, ErrorKind.SERVER, ErrorKind.PERMISSION


def failed(kind, message="no", raw="", hint="", **headers):
    return AttemptFailed(FoundryError(kind, message, hint, raw=raw), headers, False)


@pytest.mark.parametrize(
    ("first", "second", "tells"),
    [
        (failed(DEPLOYMENT), failed(ROUTE), "first"),
        (failed(DEPLOYMENT), failed(DEPLOYMENT), "first"),
        (failed(DEPLOYMENT), failed(KEY), "first"),
        (failed(DEPLOYMENT), failed(PERMISSION), "first"),
        (failed(DEPLOYMENT), failed(SERVER), "second"),
        (failed(ROUTE), failed(DEPLOYMENT), "second"),
        (failed(ROUTE, raw="API_Not_Supported"), failed(DEPLOYMENT), "first"),
        (failed(ROUTE, raw="API_Not_Supported"), failed(SERVER), "second"),
        (failed(ROUTE), failed(ROUTE), "first"),
        (failed(ROUTE), failed(KEY), "second"),
        (failed(KEY), failed(TOKEN), "first"),
        (failed(TOKEN), failed(KEY), "second"),
        (failed(KEY), failed(KEY), "first"),
        (failed(KEY, MISSING_KEY), failed(KEY), "second"),
        (failed(SERVER), failed(SERVER), "second"),
    ],
)
def test_of_two_refusals_one_tells_more(first, second, tells):
    assert most_telling(second, first) is (first if tells == "first" else second)
    assert most_telling(second, None) is second


@pytest.mark.parametrize(
    ("kind", "asked", "hint"),
    [
        (ErrorKind.RATE_LIMIT, "1", "The service asks to wait 1 s. Later."),
        (ErrorKind.RATE_LIMIT, "4000", "The service asks to wait 4,000 s. Later."),
        (ErrorKind.RATE_LIMIT, "0.9", "Later."),
        (ErrorKind.RATE_LIMIT, "", "Later."),
        (ErrorKind.QUOTA, "30", "Later."),
    ],
)
def test_a_wait_that_is_too_long_to_be_waited_for_is_said(kind, asked, hint):
    assert error_with_delay(failed(kind, hint="Later.", **{"retry-after": asked}), 0.0).hint == hint
