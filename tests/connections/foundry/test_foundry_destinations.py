"""Which addresses may be called, judged by the address that is connected to."""

import socket

import pytest

from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations, callable_url
from connections.foundry.errors import ErrorKind, FoundryError
from tests.connections.foundry.stub import DONE, QUICK, STREAM_HEAD, target, word


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
        "192.0.0.192", "168.63.129.16", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_blocked(address):
    assert not Destinations().allows("innocent.example", address, 443)


@pytest.mark.parametrize("address", ["20.50.1.1", "8.8.8.8", "2603:1030::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_open(address):
    assert Destinations().allows("r.openai.azure.com", address, 443)


@pytest.mark.parametrize(
    ("listed", "host", "address", "port", "allowed"),
    [
        ("127.0.0.1:8765", "127.0.0.1", "127.0.0.1", 8765, True),
        ("127.0.0.1:8765", "127.0.0.1", "127.0.0.1", 8766, False),
        ("127.0.0.1:8765", "rebound.example", "127.0.0.1", 8766, False),
        ("10.0.0.0/8", "internal.example", "10.2.3.4", 443, True),
        ("10.0.0.0/8", "internal.example", "11.2.3.4", 443, True),
        ("10.0.0.0/8", "internal.example", "192.168.2.3", 443, False),
        ("internal.example:443, 10.0.0.1", "internal.example", "192.168.2.3", 443, True),
        ("[::1]:8765", "::1", "::1", 8765, True),
        ("127.0.0.0/8", "::1", "::1", 8765, False),
        ("Internal.Example:443", "internal.example", "192.168.2.3", 443, True),
        ("internal.example:443", "INTERNAL.example", "192.168.2.3", 443, True),
        ("10.9.9.9/8", "internal.example", "10.2.3.4", 443, True),
    ],
)
def test_what_is_listed_may_be_called_all_the_same(listed, host, address, port, allowed):
    assert Destinations.parse(listed).allows(host, address, port) is allowed


@pytest.mark.parametrize("entry", ["nonsense", "300.0.0.1/8", "host:port", "10.0.0.0/99", ":443", "10.0.0.0/8:443"])
def test_an_entry_that_is_neither_is_named(entry):
    with pytest.raises(ValueError, match="neither"):
        Destinations.parse(f"127.0.0.1:1,{entry}")


@pytest.mark.parametrize(
    ("listed", "url", "refused"),
    [
        ("", "https://contoso.example/v1", ""),
        ("", "https://8.8.8.8/v1", ""),
        (
            "",
            "https://127.0.0.1/v1",
            "This address is loopback, private or link-local: 127.0.0.1:443 may not be called.",
        ),
        ("127.0.0.1:443", "https://127.0.0.1/v1", ""),
        ("", "http://contoso.example/v1", "Only https may be used here: contoso.example:80 may not be called."),
        (
            "contoso.example:443",
            "http://contoso.example/v1",
            "Only https may be used here: contoso.example:80 may not be called.",
        ),
        ("contoso.example:80", "http://CONTOSO.example/v1", ""),
        ("10.0.0.0/8", "http://10.1.2.3:8080/v1", ""),
        (
            "10.0.0.0/8",
            "http://contoso.example/v1",
            "Only https may be used here: contoso.example:80 may not be called.",
        ),
        ("", "https://[::1/v1", "https://[::1/v1 cannot be called."),
    ],
)
def test_an_address_is_called_or_refused_as_it_is_written(listed, url, refused):
    try:
        found, said = str(callable_url(url, Destinations.parse(listed))), ""
    except FoundryError as error:
        found, said = url, error.message
    assert (found.lower(), said) == (url.lower(), refused)


async def test_a_name_that_resolves_to_loopback_is_blocked_however_public_it_looks(monkeypatch):
    def rebound(host, port, *args, **kwargs):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    client = FoundryClient(destinations=Destinations.parse("127.0.0.1:1"), retry=QUICK)
    result = await client.test(target("https://r.openai.azure.com"), "my-gpt")
    assert result.error.kind is ErrorKind.BLOCKED_DESTINATION
    await client.aclose()


async def test_plain_http_is_for_listed_destinations_alone():
    client = FoundryClient(destinations=Destinations.parse("127.0.0.1:1"), retry=QUICK)
    result = await client.test(target("http://gateway.example/v1"), "my-gpt")
    assert result.error.kind is ErrorKind.BLOCKED_DESTINATION
    assert "https" in result.error.message
    await client.aclose()


async def test_a_range_that_is_listed_may_be_called(stub):
    server = await stub(STREAM_HEAD + word("hi", "stop") + DONE)
    client = FoundryClient(destinations=Destinations.parse("127.0.0.0/8"), retry=QUICK)
    result = await client.test(target(f"{server.url}/v1"), "my-gpt")
    assert (result.ok, result.text) == (True, "hi")
    await client.aclose()
