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
from connections.form_parts import KEY_HEADERS, LIMITS, GatewayPart, IdentityPart, LimitsPart, SecretCharField
from connections.foundry.values import Target, WhenReached
from connections.kinds.base import ConnectionKind
from connections.kinds.foundry import FOUNDRY
from connections.models import OWN_IDENTITIES, Auth, Connection
from connections.secret import Secret

# A test of the form says nothing about a stored connection that differs in one of these.
FIELDS_OF_A_CALL = ("endpoint", "auth", "tenant_id", "client_id", "key_header", "extra_header", "token_scope")


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

    def __init__(self, *args: Any, stored: Connection | None = None, **kwargs: Any) -> None:
        if stored is not None:
            kwargs.setdefault("initial", initial_values(stored))
        super().__init__(*args, stored=stored, **kwargs)
        self.parsed: Endpoint | None = None

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
        moved = self.has_moved  # asked first: the connection may be the stored one
        self._fill_fields(connection)
        is_new = self.fill_secrets(connection, moved=moved)
        if not connection.extra_header:
            connection.extra_header_value = Secret("")
        return is_new

    def _fill_fields(self, connection: Connection) -> None:
        cleaned = self.cleaned_data
        connection.name, connection.endpoint = cleaned.get("name", connection.name), cleaned["endpoint"]
        connection.default_model = cleaned.get("default_model", "")
        self.fill_identity(connection)
        header = cleaned.get("key_header", "")
        connection.key_header = cleaned.get("other_key_header", "") if header == "other" else header
        connection.extra_header = cleaned.get("extra_header", "")
        connection.token_scope = cleaned.get("token_scope", "")
        for name in (*LIMITS, "spill_over_to"):
            setattr(connection, name, cleaned.get(name))
        connection.when_reached = cleaned.get("when_reached") or WhenReached.WAIT

    def changes_the_call(self) -> bool:
        """Whether a test of the form says nothing about the connection as it is stored."""
        if self.stored is None:
            return True
        draft = Connection(key=self.stored.key)
        new_secret = self.fill(draft)
        return new_secret or any(getattr(draft, name) != getattr(self.stored, name) for name in FIELDS_OF_A_CALL)

    def target(self) -> Target:
        """The form as it stands, for a test. The form is valid apart from its name."""
        return self.draft().target()


def initial_values(stored: Connection) -> dict[str, Any]:
    known = stored.key_header in [value for value, _ in KEY_HEADERS]
    return {
        "name": stored.name,
        "endpoint": stored.endpoint,
        "default_model": stored.default_model,
        "auth": "key" if stored.auth == Auth.KEY else "entra",
        "method": "" if stored.auth == Auth.KEY else stored.auth,
        "tenant_id": stored.tenant_id,
        "client_id": stored.client_id,
        "key_header": stored.key_header if known else "other",
        "other_key_header": "" if known else stored.key_header,
        "extra_header": stored.extra_header,
        "token_scope": stored.token_scope,
        **{name: getattr(stored, name) for name in (*LIMITS, "when_reached")},
        "spill_over_to": stored.spill_over_to.name if stored.spill_over_to else "",
    }


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
