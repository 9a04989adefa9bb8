import json
from datetime import UTC, datetime

import pytest

from connections.foundry.values import Identity
from connections.key_vault.client import VaultSecret
from connections.kinds.base import DataSourceError, DataTarget
from connections.kinds.key_vault import parse_key_vault
from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.language.values import display_json
from flows.lint.linter import problems

KEY = "planted-key-of-ada"


class VaultInMemory:
    def __init__(self, error=None):
        self.asked, self._error = [], error

    async def secret(self, target, name, version=""):
        self.asked.append((target.name, name, version))
        if self._error:
            raise self._error
        return VaultSecret(Secret(KEY), "v7", datetime(2031, 1, 1, tzinfo=UTC))


def document(**properties):
    action = {"id": "k", "type": "get_key_vault_secret", "properties": {"connection": "vault", **properties}}
    inputs = [{"name": "customer", "type": "object"}]
    return parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]})


async def run(vault, kind="key_vault", **properties):
    address = parse_key_vault("contoso").address
    target = DataTarget("vault", kind, address, identity=Identity("managed_identity"))
    journal = MemoryJournal()
    services = MemoryServices(vaults=vault, data_connections={"vault": target})
    await execute(document(**properties), {"customer": {"name": "ada"}}, journal, services)
    return journal


async def failure(vault, **properties):
    with pytest.raises(RunFailed) as failed:
        await run(vault, **properties)
    return failed.value.error


async def test_the_secret_of_a_customer_is_fetched_and_known_as_one():
    vault = VaultInMemory()

    journal = await run(vault, secret_name="{{ customer.name }}-key", version="7")

    done = journal.events[-1]
    assert vault.asked == [("vault", "ada-key", "7")]
    assert (done.output, done.variables) == (Secret(KEY), {"secret": Secret(KEY)})
    assert (done.facts["version"], done.facts["host"]) == ("v7", "contoso.vault.azure.net")
    assert KEY not in json.dumps(display_json([done.output, done.variables, done.facts]))
    assert journal.secrets.stand_in(f"it is {KEY}")


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({"secret_name": "../keys/a"}, "input", "No secret can be called"),
        ({"secret_name": "a", "version": "a/b"}, "input", "is no version"),
        ({"secret_name": "a", "kind": "sqlite"}, "connection_kind", "is none to a key vault"),
    ],
)
async def test_what_is_wrong_is_said_before_a_vault_is_asked(properties, kind, words):
    vault = VaultInMemory()
    error = await failure(vault, **properties)
    assert (error.kind, words in error.message, vault.asked) == (kind, True, [])


async def test_why_a_vault_gives_no_secret_is_the_error_of_the_action():
    error = await failure(VaultInMemory(DataSourceError("expired_secret", "It expired.", "Renew.")), secret_name="a")
    assert (error.kind, error.message, error.hint) == ("expired_secret", "vault: It expired.", "Renew.")
    assert error.facts["secret_name"] == "a"


def test_lint_wants_a_connection_to_a_vault():
    (wrong,) = problems(document(secret_name="a"), connections={"vault"}, kinds={"vault": "sqlite"})
    assert wrong.message.endswith("Connection takes Azure Key Vault.")
