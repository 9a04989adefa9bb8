"""Secrets of a vault, as Microsoft's client fetches them from a stand-in over TLS."""

import dataclasses
import time

import pytest

from connections.foundry.destinations import Destinations
from connections.foundry.values import Identity
from connections.kinds.base import DataSourceError
from connections.kinds.key_vault import parse_key_vault
from connections.secret import Secret
from tests.connections.key_vault.conftest import CLIENT_SECRET
from tests.connections.key_vault.vault_stand_in import TOKEN

KEY = "planted-key-of-ada-5d20"
HOUR = 3600
SCOPE = "https://vault.azure.net/.default"


def at(seconds):
    return int(time.time()) + seconds


async def failure(client, target, name="ada", version=""):
    with pytest.raises(DataSourceError) as failed:
        await client.secret(target, name, version)
    said = f"{failed.value.message} {failed.value.hint} {failed.value.raw}"
    assert all(secret not in said for secret in (KEY, TOKEN, CLIENT_SECRET)), said
    return failed.value


async def test_the_newest_version_comes_as_a_secret_with_what_may_be_shown(client, target, vault):
    vault.secrets["ada"] = [("v1", "older", {}), ("v2", KEY, {"exp": at(HOUR), "nbf": at(-HOUR)})]

    found = await client.secret(target, "ada")

    assert (found.value, found.version) == (Secret(KEY), "v2")
    assert found.expires_at.timestamp() == pytest.approx(at(HOUR), abs=5)
    assert (await client.secret(target, "ada", "v1")).value == Secret("older")


async def test_the_first_request_shows_nothing_and_the_token_is_for_vaults(client, target, vault, tokens):
    vault.secrets["ada"] = [("v1", KEY, {})]
    vault.resource = "https://management.azure.com"  # what a stranger would like to have

    await client.secret(target, "ada")

    assert vault.shown == ["", TOKEN]
    assert tokens.asked == [(SCOPE, False)]
    await client.secret(target, "ada")
    assert vault.shown == ["", TOKEN, TOKEN], "the vault has said once what it wants"


async def test_a_token_that_is_no_more_accepted_is_replaced_once(client, target, vault, tokens):
    vault.secrets["ada"] = [("v1", KEY, {})]
    await client.secret(target, "ada")
    tokens.asked.clear()
    vault.expired.add(TOKEN)

    assert (await client.secret(target, "ada")).value == Secret(KEY)
    assert [fresh for _, fresh in tokens.asked] == [False, True]

    vault.expired.add(f"{TOKEN}-fresh")
    assert (await failure(client, target)).kind == "sign_in"


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("nobody", "secret_not_found", "There is no secret nobody in localhost"),
        ("disabled", "disabled_secret", "is disabled"),
        ("expired", "expired_secret", "expired 20"),
        ("early", "early_secret", "is not valid before 20"),
        ("by-role", "permission", "Key Vault Secrets User"),
        ("by-policy", "permission", "Key Vault Secrets User"),
        ("by-firewall", "network_rule", "firewall"),
        ("bad", "input", "cannot read the name"),
        ("elsewhere", "protocol", "answered with status 302"),
        ("endless", "protocol", "more than a secret can have"),
        ("page", "protocol", "did not answer as a vault does"),
    ],
)
async def test_whatever_keeps_a_secret_back_is_named_with_what_to_do(client, target, vault, name, kind, words):
    vault.secrets = {
        "disabled": [("v1", KEY, {"enabled": False})],
        "expired": [("v1", KEY, {"exp": at(-1)})],
        "early": [("v1", KEY, {"nbf": at(HOUR)})],
    }

    error = await failure(client, target, name)

    assert (error.kind, words in f"{error.message} {error.hint}") == (kind, True), f"{error.message} {error.hint}"


async def test_a_vault_that_is_busy_for_a_moment_is_asked_again(client, target, vault):
    vault.secrets["ada"], vault.throttled = [("v1", KEY, {})], 2
    assert (await client.secret(target, "ada")).value == Secret(KEY)


async def test_however_long_a_vault_wants_to_wait_nobody_does(client, target, vault):
    vault.throttled, vault.retry_after, client.timeout = 100, "3600", 0.3
    started = time.monotonic()

    assert (await failure(client, target)).kind == "timeout"
    assert time.monotonic() - started < 5


async def test_addresses_that_may_not_be_called_and_vaults_that_are_not_there(client, target, port):
    def at_address(address):
        return dataclasses.replace(target, address=parse_key_vault(address).address)

    strict = dataclasses.replace(client, destinations=Destinations())
    assert (await failure(strict, target)).kind == "blocked_destination"  # a name that resolves to loopback
    assert (await failure(strict, at_address(f"https://127.0.0.1:{port}"))).kind == "blocked_destination"
    await strict.aclose()
    trusting_nobody = dataclasses.replace(client, tls=True)
    assert (await failure(trusting_nobody, target)).kind == "tls"
    await trusting_nobody.aclose()
    away = dataclasses.replace(client, destinations=Destinations.parse("localhost:1"))
    assert (await failure(away, at_address("https://localhost:1"))).kind == "connect"
    assert (await failure(away, at_address("https://nowhere.invalid"))).kind == "dns"
    await away.aclose()


async def test_the_servers_own_identity_goes_to_microsofts_hosts_and_listed_ones(client, target, vault):
    own = dataclasses.replace(target, identity=Identity("managed_identity"))
    vault.secrets["ada"] = [("v1", KEY, {})]
    assert (await client.secret(own, "ada")).value == Secret(KEY)

    ranged = dataclasses.replace(client, destinations=Destinations.parse("127.0.0.0/8,::1/128"))
    vault.shown.clear()
    error = await failure(ranged, own)
    assert (error.kind, "gets no token of this server" in error.message) == ("sign_in", True)
    assert vault.shown == []
    await ranged.aclose()


async def test_the_test_of_a_connection_says_whether_secrets_may_be_read(client, target, vault, monkeypatch):
    assert (await client.sign_in(target)).ok
    monkeypatch.setattr("connections.key_vault.client.NO_SUCH_SECRET", "by-role")

    refused = await client.sign_in(target)

    assert (refused.ok, refused.kind, "Key Vault Secrets User" in refused.sentence) == (False, "permission", True)
