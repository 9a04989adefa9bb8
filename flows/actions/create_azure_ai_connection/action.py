"""Makes a connection at run time, for chat completions that enable a dynamic connection."""

from __future__ import annotations

from dataclasses import dataclass

from connections.endpoint.endpoint import EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Target
from connections.secret import Secret
from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.language.values import ConnectionValue
from flows.properties.address import address
from flows.properties.new_variable import new_variable
from flows.properties.secret import secret


@dataclass(frozen=True)
class Properties:
    api_key: Secret = secret(
        "API key",
        required=True,
        hint="A variable such as {{ api_key }}, or a key, which is stored encrypted and never shown.",
        on_card=True,
    )
    endpoint: str = address(
        "Endpoint",
        required=True,
        hint="Anything the portal shows, or a variable such as {{ endpoint }}.",
        on_card=True,
    )
    connection_variable_name: str = new_variable(
        "Connection variable name",
        default="connection",
        type="connection",
        hint="Actions below choose it as their dynamic connection.",
        is_result=True,
    )


class CreateAzureAIConnection(ActionType):
    type = "create_azure_ai_connection"
    title = "Create Azure AI connection"
    purpose = "a connection at run time, from variables"
    group = Group.AZURE
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        if not properties.api_key:
            raise ActionError("property_missing", "API key is empty.", "The variable it comes from has no value.")
        try:
            endpoint = parse_endpoint(properties.endpoint)
        except EndpointError as error:
            raise ActionError("endpoint", error.message, error.hint) from None
        if endpoint.found_key is not None:
            raise ActionError(
                "endpoint",
                "There is a key inside the endpoint, where it would be recorded in the open.",
                "Give the address alone; the key belongs into API key.",
            )
        name = properties.connection_variable_name
        value = ConnectionValue(name, Target(name=endpoint.host, endpoint=endpoint, key=properties.api_key))
        facts = {
            "host": endpoint.host,
            "key_fingerprint": properties.api_key.fingerprint,
            "endpoint_kind": endpoint.label,
        }
        warning = " ".join(endpoint.warnings) or None
        return Result(output=value, variables={name: value}, facts=facts, warning=warning)
