"""Makes a connection at run time, for chat completions that enable a dynamic connection."""

from __future__ import annotations

from dataclasses import dataclass

from connections.endpoint.endpoint import EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Target
from connections.secret import Secret
from flows.actions.base import ActionType, Group, PropertyKind, Result, Step, prop
from flows.language.errors import ActionError
from flows.language.values import ConnectionValue


@dataclass(frozen=True)
class Properties:
    api_key: Secret = prop(PropertyKind.SECRET, required=True)
    endpoint: str = prop(PropertyKind.TEXT, required=True, address=True)
    connection_variable_name: str = prop(PropertyKind.NEW_VARIABLE, default="connection", var_type="connection")


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
