"""Whose word about the caller counts."""

import pytest

from foundryflow.env import SettingError
from foundryflow.proxies import Proxies

PROXIES = Proxies.parse(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])


def caller_and_scheme(peer, *headers, scheme="http", proxies=PROXIES):
    scope = {
        "type": "http", "client": peer, "scheme": scheme,
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }  # fmt: skip
    found = proxies.scope_of_caller(scope)
    return found["client"][0] if found["client"] else None, found["scheme"]


def forwarded(*hops):
    return [("x-forwarded-for", hop) for hop in hops]


@pytest.mark.parametrize(
    ("peer", "hops", "caller"),
    [
        ("127.0.0.1", ["20.1.1.1"], "20.1.1.1"),
        ("127.0.0.1", ["9.9.9.9, 20.1.1.1"], "20.1.1.1"),
        ("127.0.0.1", ["9.9.9.9", "20.1.1.1"], "20.1.1.1"),
        ("127.0.0.1", ["9.9.9.9, 20.1.1.1, 10.1.2.3"], "20.1.1.1"),
        ("10.9.8.7", ["20.1.1.1:4711"], "20.1.1.1"),
        ("::ffff:10.9.8.7", ["[2a01::1]:4711"], "2a01::1"),
        ("2001:db8::1", ["2a01::1%eth0"], "2a01::1"),
        ("127.0.0.1", ["::ffff:20.1.1.1"], "20.1.1.1"),
        ("127.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("127.0.0.1", ["9.9.9.9, unknown"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("20.5.5.5", ["9.9.9.9"], "20.5.5.5"),
        ("20.5.5.5", ["127.0.0.1"], "20.5.5.5"),
        ("127.0.0.1", [",".join(["9.9.9.9"] * 5_000) + ",20.1.1.1"], "20.1.1.1"),
    ],
)
def test_the_caller_is_the_nearest_address_that_is_no_proxy_of_ours(peer, hops, caller):
    assert caller_and_scheme((peer, 4711), *forwarded(*hops))[0] == caller


@pytest.mark.parametrize(
    ("peer", "proto", "scheme"),
    [
        ("127.0.0.1", "https", "https"),
        ("10.1.1.1", "http, https", "https"),
        ("10.1.1.1", "https, http", "http"),
        ("10.1.1.1", "gopher", "http"),
        ("20.5.5.5", "https", "http"),
    ],
)
def test_the_scheme_is_what_a_trusted_proxy_says(peer, proto, scheme):
    assert caller_and_scheme((peer, 4711), ("x-forwarded-proto", proto))[1] == scheme


def test_what_a_server_before_us_has_believed_is_judged_again():
    """A plain uvicorn believes loopback, and has put the address and the scheme in place then."""
    nobody = Proxies.parse([])
    assert caller_and_scheme(("9.9.9.9", 0), *forwarded("9.9.9.9"), proxies=nobody) == ("127.0.0.1", "http")
    assert caller_and_scheme(("9.9.9.9", 4711), *forwarded("9.9.9.9:4711"), proxies=nobody) == ("127.0.0.1", "http")
    assert (
        caller_and_scheme(("127.0.0.1", 99), ("x-forwarded-proto", "https"), scheme="https", proxies=nobody)[1]
        == "http"
    )
    assert caller_and_scheme(("9.9.9.9", 0), *forwarded("9.9.9.9, 20.1.1.1, 10.1.1.1"))[0] == "20.1.1.1"


def test_a_server_that_speaks_https_itself_is_not_doubted():
    assert caller_and_scheme(("20.5.5.5", 4711), ("x-forwarded-proto", "http"), scheme="https") == ("20.5.5.5", "https")
    assert caller_and_scheme(("20.5.5.5", 4711), scheme="https") == ("20.5.5.5", "https")


def test_whoever_comes_by_a_unix_socket_is_trusted_when_it_is_listed():
    assert caller_and_scheme(None, *forwarded("20.1.1.1"), proxies=Proxies.parse(["unix"]))[0] == "20.1.1.1"
    assert caller_and_scheme(None, *forwarded("20.1.1.1"))[0] is None


@pytest.mark.parametrize("entry", ["*", "proxy.example", "10.0.0.0/99"])
def test_an_entry_that_is_no_address_is_named(entry):
    with pytest.raises(SettingError, match="TRUSTED_PROXIES"):
        Proxies.parse(["127.0.0.1", entry])
