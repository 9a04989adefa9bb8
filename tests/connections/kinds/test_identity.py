"""Who gets a token of this server, and what it is for."""

import pytest

from connections.foundry.auth import TokenSource
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Identity
from connections.kinds.address import DataAddress
from connections.kinds.base import DataSourceError, DataTarget
from connections.kinds.identity import identity_refusal, scope_for, token_for
from connections.secret import Secret

OWN, TYPED = Identity("managed_identity"), Identity("client_secret", "t", "c", Secret("planted"), Secret("planted-too"))


def target(kind, host, identity=OWN):
    return DataTarget("data", kind, DataAddress("postgresql", host, 5432, ""), password=Secret("pw"), identity=identity)


@pytest.mark.parametrize(
    ("kind", "host", "scope"),
    [
        ("postgresql", "d.postgres.database.azure.com", "https://ossrdbms-aad.database.windows.net/.default"),
        ("postgresql", "db.contoso.com", "https://ossrdbms-aad.database.windows.net/.default"),
        ("sql_server", "s.database.windows.net", "https://database.windows.net/.default"),
        ("sql_server", "s.database.chinacloudapi.cn", "https://database.chinacloudapi.cn/.default"),
        ("key_vault", "v.vault.azure.net", "https://vault.azure.net/.default"),
        ("key_vault", "v.vault.usgovcloudapi.net", "https://vault.usgovcloudapi.net/.default"),
        ("sqlite", "", ""),
    ],
)
def test_a_token_is_for_the_family_of_the_host(kind, host, scope):
    assert scope_for(target(kind, host)) == scope


@pytest.mark.parametrize(
    ("host", "gets_one"),
    [
        ("v.vault.azure.net", True),
        ("vault.azure.net.evil.example", False),
        ("evilvault.azure.net", False),
        ("db.contoso.com", True),
        ("other.contoso.com", False),
    ],
)
def test_a_host_of_strangers_gets_no_token_of_this_server(host, gets_one):
    allowed = Destinations.parse("db.contoso.com:5432, other.contoso.com:1")
    assert (identity_refusal(target("key_vault", host), allowed) == "") is gets_one


class Tokens(TokenSource):
    def __init__(self):
        self.asked = []

    async def token(self, identity, scope, *, fresh=False):
        self.asked.append((identity, scope, fresh))
        if fresh:
            raise FoundryError(ErrorKind.AUTH_TOKEN, "Nobody signs in.", "Ask again.", raw="AADSTS1")
        return Secret("token")


async def test_a_token_is_asked_for_only_where_it_may_go():
    tokens, nowhere = Tokens(), Destinations()
    assert await token_for(target("postgresql", "db.contoso.com", None), tokens, nowhere) is None
    with pytest.raises(DataSourceError, match="gets no token of this server") as refused:
        await token_for(target("postgresql", "db.contoso.com"), tokens, nowhere)
    assert (refused.value.kind, tokens.asked) == ("sign_in", [])
    assert await token_for(target("postgresql", "db.contoso.com", TYPED), tokens, nowhere) == Secret("token")
    with pytest.raises(DataSourceError) as failed:
        await token_for(target("key_vault", "v.vault.azure.net"), tokens, nowhere, fresh=True)
    assert (failed.value.kind, failed.value.message, failed.value.hint, failed.value.raw) == (
        "sign_in", "Nobody signs in.", "Ask again.", "AADSTS1",
    )  # fmt: skip
    assert [fresh for _, _, fresh in tokens.asked] == [False, True]


def test_all_that_a_target_must_not_show_is_named():
    assert target("postgresql", "h", TYPED).secrets == (Secret("pw"), Secret("planted"), Secret("planted-too"))
    assert target("postgresql", "h").secrets == target("postgresql", "h", None).secrets == (Secret("pw"),)
    assert target("postgresql", "h").address.origin == ("postgresql", "h", 5432)
