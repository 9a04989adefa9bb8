"""Whatever carries a private IPv4 address inside is as private, and so is what nobody on the internet has."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry.destinations import Destinations

PRIVATE = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
PRIVATE_6 = [
    "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
    "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/3",
]  # fmt: skip
EMBEDDED = {
    "mapped": lambda ip, prefix: 0xFFFF << 32 | ip,
    "compatible": lambda ip, prefix: ip,
    "translated": lambda ip, prefix: 0xFFFF << 48 | ip,
    "NAT64": lambda ip, prefix: 0x64FF9B << 96 | ip,
    "local NAT64": lambda ip, prefix: 0x64FF9B0001 << 80 | ip,
    "6to4": lambda ip, prefix: 0x2002 << 112 | ip << 80 | prefix & 0xFFFF,
    "Teredo server": lambda ip, prefix: 0x20010000 << 96 | ip << 64 | prefix,
    "Teredo client": lambda ip, prefix: 0x20010000 << 96 | prefix << 32 & (1 << 96) - 1 | ip ^ 0xFFFFFFFF,
    "ISATAP": lambda ip, prefix: prefix << 64 | 0x5EFE << 32 | ip,
    "global ISATAP": lambda ip, prefix: prefix << 64 | 0x02005EFE << 32 | ip,
}


def within(networks):
    return st.sampled_from([ipaddress.ip_network(text) for text in networks]).flatmap(
        lambda network: st.integers(int(network[0]), int(network[-1]))
    )


@given(within(PRIVATE), st.integers(0x2000 << 48, (0x4000 << 48) - 1), st.sampled_from(sorted(EMBEDDED)))
def test_a_private_address_inside_another_is_refused(ip, prefix, form):
    address = str(ipaddress.IPv6Address(EMBEDDED[form](ip, prefix)))
    assert not Destinations().allows("innocent.example", address, 443), (form, address)


@given(within(PRIVATE))
def test_a_private_address_is_refused(ip):
    assert not Destinations().allows("innocent.example", str(ipaddress.IPv4Address(ip)), 443)


@given(within(PRIVATE_6))
def test_what_nobody_has_is_refused(ip):
    assert not Destinations().allows("innocent.example", str(ipaddress.IPv6Address(ip)), 443)


@pytest.mark.parametrize(
    "address", ["20.1.2.3", "::ffff:20.1.2.3", "64:ff9b::1401:203", "2603:1030:20e:3::23c", "2a01:111:f100::1"]
)
def test_what_is_public_is_called(address):
    assert Destinations().allows("r.openai.azure.com", address, 443)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_a_listed_network_counts_however_it_is_written(address):
    assert Destinations.parse("10.0.0.0/8").allows("inside.example", address, 443)


def test_a_tunnel_is_listed_by_its_own_address():
    assert not Destinations.parse("10.0.0.0/8").allows("inside.example", "2002:a01:203::1", 443)
    assert Destinations.parse("2002:a01:203::/48").allows("inside.example", "2002:a01:203::1", 443)
