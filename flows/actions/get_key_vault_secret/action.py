"""Fetches a secret from Azure Key Vault."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

from connections.kinds.base import DataSourceError
from connections.kinds.key_vault import KEY_VAULT
from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.properties.connection import connection
from flows.properties.new_variable import result_variable
from flows.properties.text import text

NAME, VERSION = re.compile(r"[0-9A-Za-z-]{1,127}"), re.compile(r"[0-9A-Za-z]{1,64}")


@dataclass(frozen=True)
class Properties:
    connection: str = connection(
        "Connection",
        kinds=(KEY_VAULT.name,),
        required=True,
        on_card=True,
    )
    secret_name: str = text(
        "Secret name", required=True, hint="In the vault, such as {{ customer.name }}-api-key.", on_card=True
    )
    version: str | None = text("Version", empty="the newest", advanced=True)
    result_variable_name: str = result_variable(
        "secret", type="secret", hint="Actions below use it as a key or password."
    )


class GetKeyVaultSecret(ActionType):
    type = "get_key_vault_secret"
    title = "Get Key Vault secret"
    purpose = "a key or password from Azure Key Vault"
    group = Group.AZURE
    brings_secrets = True
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        name, version = properties.secret_name.strip(), (properties.version or "").strip()
        refuse_wrong_name(name, version)
        target = await step.services.data_connection(properties.connection)
        if target.kind != KEY_VAULT.name:
            message = f"The connection {target.name} is none to a key vault."
            raise ActionError("connection_kind", message, "Choose another one in the property panel.")
        facts: dict[str, Any] = {"connection": target.name, "host": target.address.place, "secret_name": name}
        started = time.monotonic()
        try:
            found = await step.services.vaults.secret(target, name, version)
        except DataSourceError as error:
            message = f"{target.name}: {error.message}"
            raise ActionError(error.kind, message, error.hint, raw=error.raw, facts=facts) from None
        facts |= {
            "version": found.version,
            "key_fingerprint": found.value.fingerprint,
            "expires_at": found.expires_at.isoformat() if found.expires_at else None,
            "vault_ms": round((time.monotonic() - started) * 1000, 1),
        }
        return Result(output=found.value, variables={properties.result_variable_name: found.value}, facts=facts)


def refuse_wrong_name(name: str, version: str) -> None:
    """Raises ActionError for what no secret is called."""
    if not NAME.fullmatch(name):
        raise ActionError(
            "input", f"No secret can be called {name[:60]!r}.", "Names have letters, digits and hyphens, up to 127."
        )
    if version and not VERSION.fullmatch(version):
        raise ActionError("input", f"{version[:60]!r} is no version.", "Copy it from the page of the secret.")
