"""The connection form: the same on its page and inside the property panel."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connections.clients import identity_problem
from connections.data_form import DataConnectionForm
from connections.endpoint.embedded_secrets import LONGEST_PASTE, without_secrets
from connections.endpoint.endpoint import Endpoint, EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.fields import UnreadableSecret
from connections.form_parts import GatewayPart, IdentityPart, LimitsPart, SecretCharField
from connections.foundry.values import Target
from connections.kinds.base import ConnectionKind
from connections.kinds.foundry import FOUNDRY
from connections.models import OWN_IDENTITIES, Connection
from connections.secret import Secret


class ConnectionForm(IdentityPart, GatewayPart, LimitsPart):
    endpoint = forms.CharField(
        label="Endpoint", max_length=LONGEST_PASTE, widget=forms.Textarea,
        help_text="Paste whatever the portal shows: address, curl command, code or .env.",
        error_messages={"required": "Paste the address that the portal shows for the deployment."},
    )  # fmt: skip
    auth = forms.ChoiceField(
        label="Authentication", choices=[("key", "API key"), ("entra", "Microsoft Entra ID")], required=False
    )
    key = SecretCharField("API key", strip=True, help_text="Write-only. Stored encrypted and never shown again.")
    default_model = forms.CharField(
        label="Default deployment",
        required=False,
        max_length=200,
        help_text="Name of the deployment, not the model id. A test calls it.",
    )
    field_order = ("name", "endpoint", "auth", "key")
    kind = FOUNDRY
    where_to_find = "The portal shows it beside the endpoint."
    parsed: Endpoint | None = None

    @property
    def identity_note(self) -> str:
        """Why the server's own identity is not shown to the endpoint; empty when it is, or is not meant to be."""
        try:
            endpoint = self.parsed or (parse_endpoint(self.stored.endpoint) if self.stored else None)
        except EndpointError:
            endpoint = None
        if endpoint is None or not self.is_entra or self["method"].value() not in OWN_IDENTITIES:
            return ""
        return identity_problem(endpoint)

    @property
    def public_endpoint(self) -> str:
        """What stands in the field: never the key that was pasted with the address."""
        value = self["endpoint"].value() or ""
        if not self.is_bound:
            return str(value)
        return self.parsed.url if self.parsed else without_secrets(value)

    def clean_endpoint(self) -> str:
        try:
            self.parsed = parse_endpoint(self.cleaned_data["endpoint"])
        except EndpointError as error:
            raise ValidationError(f"{error.message} {error.hint}") from None
        return self.parsed.url

    def clean_key(self) -> str:
        return self.check_typed_secret("key", "key")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._take_from_endpoint(cleaned)
        if cleaned.get("auth") == "entra":
            self.check_identity(cleaned)
        elif "key" not in self.errors and not cleaned.get("key") and (why := self.reason_to_enter("key", "key")):
            self.add_error("key", why)
        self.check_key_header(cleaned)
        self.check_token_scope(cleaned, self.parsed)
        self._check_extra_header(cleaned)
        self.check_spill(cleaned)
        return cleaned

    def _take_from_endpoint(self, cleaned: dict[str, Any]) -> None:
        """A key and a model that were pasted with the address fill the fields that were left blank."""
        if self.parsed and self.parsed.found_key and not cleaned.get("key") and "key" not in self.errors:
            cleaned["key"] = self.parsed.found_key.reveal()
        if self.parsed and self.parsed.found_model and not cleaned.get("default_model"):
            cleaned["default_model"] = self.parsed.found_model[:200]

    def _check_extra_header(self, cleaned: dict[str, Any]) -> None:
        stored = self.stored.extra_header_value if self.stored else None
        if not cleaned.get("extra_header") or cleaned.get("extra_header_value") or not stored:
            return
        if isinstance(stored, UnreadableSecret):
            self.add_error("extra_header_value", "The stored value cannot be read any more. Enter it again.")
        elif self.has_moved:
            self.add_error("extra_header_value", "The host of the endpoint has changed. Enter the value again.")

    @property
    def has_moved(self) -> bool:
        known = self.stored.parsed if self.stored else None
        return bool(self.parsed and known and self.parsed.origin != known.origin)

    def fill(self, connection: Connection) -> bool:
        moved, cleaned = self.has_moved, self.cleaned_data  # asked first: the connection may be the stored one
        connection.name, connection.endpoint = cleaned.get("name", connection.name), cleaned["endpoint"]
        connection.default_model = cleaned.get("default_model", "")
        self.fill_identity(connection)
        self.fill_gateway(connection)
        self.fill_limits(connection)
        is_new = self.fill_secrets(connection, moved=moved)
        if not connection.extra_header:
            connection.extra_header_value = Secret("")
        return is_new

    def initial_values(self, stored: Connection) -> dict[str, Any]:
        own = {"endpoint": stored.endpoint, "default_model": stored.default_model}
        return super().initial_values(stored) | own

    def target(self) -> Target:
        """The form as it stands, for a test. The form is valid apart from its name."""
        return self.draft().target()


AnyConnectionForm = ConnectionForm | DataConnectionForm


def connection_form(
    kind: ConnectionKind, *args: Any, stored: Connection | None = None, **more: Any
) -> AnyConnectionForm:
    """The form of a kind; a stored connection keeps the kind that it has."""
    if kind == FOUNDRY:
        return ConnectionForm(*args, stored=stored, **more)
    return DataConnectionForm(kind, *args, stored=stored, **more)


class TestForm(forms.Form):
    """The deployment typed beside the Test button."""

    __test__ = False

    model = forms.CharField(
        label="Deployment",
        max_length=200,
        error_messages={"required": "Type the name of a deployment to test with."},
    )
    embed = forms.CharField(label="Text to embed", max_length=8_000, required=False)
