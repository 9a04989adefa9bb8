"""Gives what an environment variable of the server holds, as a secret."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions.base import ActionType, Group, Result, Step
from flows.properties.environment_name import environment_name
from flows.properties.new_variable import result_variable


@dataclass(frozen=True)
class Properties:
    variable_name: str = environment_name(
        "Environment variable",
        required=True,
        hint="One that an administrator lists in FOUNDRYFLOW_ENVIRONMENT_SECRETS.",
        on_card=True,
        card_label="Variable",
    )
    result_variable_name: str = result_variable(
        "secret", type="secret", hint="Actions below use it as a key or password."
    )


class GetEnvironmentSecret(ActionType):
    type = "get_environment_secret"
    title = "Get environment secret"
    purpose = "a key or password that the server was started with"
    group = Group.BUILTIN
    brings_secrets = True
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        name = properties.variable_name.strip()
        secret = await step.services.environment_secret(name)
        facts = {"variable": name, "key_fingerprint": secret.fingerprint}
        return Result(output=secret, variables={properties.result_variable_name: secret}, facts=facts)
