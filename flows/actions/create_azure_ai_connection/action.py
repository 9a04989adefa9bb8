"""Makes a connection at run time, for chat completions that enable a dynamic connection."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from connections.endpoint.endpoint import Endpoint, EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.values import Identity, Limits, Target, WhenReached
from connections.secret import Secret
from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.language.values import ConnectionValue
from flows.properties.address import address
from flows.properties.choice import choice
from flows.properties.connection import connection
from flows.properties.new_variable import new_variable
from flows.properties.number import number
from flows.properties.secret import secret
from flows.properties.text import text

CLIENT_SECRET, MANAGED_IDENTITY = "client_secret", "managed_identity"
UNLIMITED = "no limit"  # what an empty limit means
MOST = 2_000_000_000
LONGEST_ACCOUNT = 400  # characters


@dataclass(frozen=True)
class Properties:
    api_key: Secret | None = secret(
        "API key",
        required=True,
        overridden_by="sign_in",
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
    customer: str | None = text(
        "Customer",
        empty="none",
        hint="A label that usage and runs are told by, such as {{ customer.name }}.",
        on_card=True,
    )
    sign_in: str | None = choice(
        "Sign-in",
        choices=(CLIENT_SECRET, MANAGED_IDENTITY),
        empty="API key",
        hint="With Microsoft Entra ID instead of a key: an app with its secret, or the identity of this server.",
        advanced=True,
    )
    tenant_id: str | None = text("Tenant id", empty="needed for an app", hint="Of the app.", advanced=True)
    client_id: str | None = text(
        "Client id",
        empty="needed for an app, else the identity of this server",
        hint="Of the app, or of a managed identity of its own.",
        advanced=True,
    )
    client_secret: Secret | None = secret("Client secret", empty="needed for an app", hint="Of the app.", advanced=True)
    max_calls: int | None = number("Calls at once", minimum=1, maximum=MOST, whole=True, empty=UNLIMITED, advanced=True)
    requests_per_minute: int | None = number(
        "Requests a minute", minimum=1, maximum=MOST, whole=True, empty=UNLIMITED, advanced=True
    )
    tokens_per_minute: int | None = number(
        "Tokens a minute", minimum=1, maximum=MOST, whole=True, empty=UNLIMITED, advanced=True
    )
    tokens_per_day: int | None = number(
        "Tokens a day", minimum=1, maximum=MOST, whole=True, empty=UNLIMITED, advanced=True
    )
    when_reached: str | None = choice(
        "When a limit is reached",
        choices=(WhenReached.FAIL.value, WhenReached.SPILL.value),
        empty="calls wait",
        advanced=True,
    )
    spill_over_to: str | None = connection(
        "Spill over to",
        empty="nowhere",
        hint="A stored connection that is called then, of whoever pays for it.",
        advanced=True,
    )


class CreateAzureAIConnection(ActionType):
    type = "create_azure_ai_connection"
    title = "Create Azure AI connection"
    purpose = "a connection at run time, from variables"
    group = Group.AZURE
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        customer = (properties.customer or "").strip()
        if customer:
            step.facts["customer"] = customer  # known, too, when what follows is refused
        try:
            target = make_target(properties, customer)
        except ActionError as error:
            whose = f"{customer}: " if customer else ""
            raise ActionError(error.kind, f"{whose}{error.message}", error.hint) from None
        name, endpoint = properties.connection_variable_name, target.endpoint
        value = ConnectionValue(name, target)
        facts = {
            "host": endpoint.host,
            "key_fingerprint": target.fingerprint,
            "endpoint_kind": endpoint.label,
            **({"customer": customer} if customer else {}),
        }
        warning = " ".join(endpoint.warnings) or None
        return Result(output=value, variables={name: value}, facts=facts, warning=warning)


def make_target(properties: Properties, customer: str) -> Target:
    """Raises ActionError."""
    endpoint = read_endpoint(properties.endpoint)
    identity = read_identity(properties, endpoint)
    target = Target(
        name=endpoint.host,
        endpoint=endpoint,
        key=Secret("") if identity else read_key(properties),
        identity=identity,
        limits=read_limits(properties),
        customer=customer,
    )
    return replace(target, account=account_of(target))


def account_of(target: Target) -> str:
    """Runs that make the same connection share its limits."""
    signs_in = "|".join(secret.reveal() for secret in target.secrets)
    digest = hashlib.sha256(f"limits:{signs_in}".encode()).hexdigest()[:16]
    return f"{target.customer}@{target.endpoint.host}#{digest}"[-LONGEST_ACCOUNT:]


def read_endpoint(stored: str) -> Endpoint:
    """Raises ActionError."""
    try:
        endpoint = parse_endpoint(stored)
    except EndpointError as error:
        raise ActionError("endpoint", error.message, error.hint) from None
    if endpoint.found_key is not None:
        raise ActionError(
            "endpoint",
            "There is a key inside the endpoint, where it would be recorded in the open.",
            "Give the address alone; the key belongs into API key.",
        )
    return endpoint


def read_key(properties: Properties) -> Secret:
    """Raises ActionError."""
    if not properties.api_key:
        raise ActionError("property_missing", "API key is empty.", "The variable it comes from has no value.")
    return properties.api_key


def read_identity(properties: Properties, endpoint: Endpoint) -> Identity | None:
    """None when a key signs in. Raises ActionError."""
    if not properties.sign_in:
        return None
    client_id, secret = properties.client_id or "", properties.client_secret or Secret("")
    if properties.sign_in == MANAGED_IDENTITY:
        return Identity(MANAGED_IDENTITY, client_id=client_id, authority=endpoint.authority)
    known = {"Tenant id": properties.tenant_id, "Client id": client_id, "Client secret": secret}
    if missing := next((label for label, value in known.items() if not value), ""):
        raise ActionError("property_missing", f"{missing} is empty.", "An app signs in with all three.")
    return Identity(CLIENT_SECRET, properties.tenant_id or "", client_id, secret, authority=endpoint.authority)


def read_limits(properties: Properties) -> Limits | None:
    """Raises ActionError."""
    when = WhenReached(properties.when_reached or WhenReached.WAIT)
    if when is WhenReached.SPILL and not properties.spill_over_to:
        raise ActionError("property_missing", "Spill over to is empty.", "Choose the connection that is called then.")
    limits = Limits(
        properties.max_calls,
        properties.requests_per_minute,
        properties.tokens_per_minute,
        properties.tokens_per_day,
        when,
        properties.spill_over_to or "",
    )
    return limits if limits.any else None
