"""The connection form: the same on its page and inside the property panel."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connections.clients import identity_problem
from connections.endpoint.embedded_secrets import LONGEST_PASTE, without_secrets
from connections.endpoint.endpoint import Endpoint, EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.fields import UnreadableSecret
from connections.form_parts import KEY_HEADERS, LIMITS, GatewayPart, IdentityPart, LimitsPart, SecretCharField
from connections.foundry.values import Target, WhenReached
from connections.models import OWN_IDENTITIES, Auth, Connection
from connections.secret import Secret

SECRETS = ("key", "identity_secret", "identity_password", "extra_header_value")  # of a stored connection
# A test of the form says nothing about a stored connection that differs in one of these.
FIELDS_OF_A_CALL = ("endpoint", "auth", "tenant_id", "client_id", "key_header", "extra_header")


class ConnectionForm(IdentityPart, GatewayPart, LimitsPart):
    name = forms.CharField(
        max_length=100, label="Name", help_text="Unique. Flows refer to it by this name.",
        error_messages={"required": "A connection needs a name."},
    )  # fmt: skip
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

    def __init__(self, *args: Any, stored: Connection | None = None, **kwargs: Any) -> None:
        self.stored = stored
        if stored is not None:
            kwargs.setdefault("initial", initial_values(stored))
        super().__init__(*args, **kwargs)
        self.parsed: Endpoint | None = None

    @property
    def is_entra(self) -> bool:
        return bool(self["auth"].value() == "entra")

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

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        same = Connection.objects.filter(name=name).exclude(pk=self.stored.pk if self.stored else 0)
        if same.exists():
            raise ValidationError("There is a connection of this name. Choose another.")
        return name

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
            self._check_identity(cleaned)
        elif "key" not in self.errors and not cleaned.get("key") and (why := self._why_needed("key", "key")):
            self.add_error("key", why)
        self.check_key_header(cleaned)
        self._check_extra_header(cleaned)
        self.check_spill(cleaned)
        return cleaned

    def _take_from_endpoint(self, cleaned: dict[str, Any]) -> None:
        """A key and a model that were pasted with the address fill the fields that were left blank."""
        if self.parsed and self.parsed.found_key and not cleaned.get("key") and "key" not in self.errors:
            cleaned["key"] = self.parsed.found_key.reveal()
        if self.parsed and self.parsed.found_model and not cleaned.get("default_model"):
            cleaned["default_model"] = self.parsed.found_model[:200]

    def _check_identity(self, cleaned: dict[str, Any]) -> None:
        method = cleaned.get("method")
        if method not in (Auth.CLIENT_SECRET, Auth.CERTIFICATE):
            return
        self.check_application(cleaned)
        if cleaned.get(method) or method in self.errors:
            return
        kept = self.stored is not None and self.stored.auth == method
        label = method_label(method)
        why = self._why_needed("identity_secret", label) if kept else f"Type the {label}."
        if why:
            self.add_error(method, why)

    def _check_extra_header(self, cleaned: dict[str, Any]) -> None:
        stored = self.stored.extra_header_value if self.stored else None
        if not cleaned.get("extra_header") or cleaned.get("extra_header_value") or not stored:
            return
        if isinstance(stored, UnreadableSecret):
            self.add_error("extra_header_value", "The stored value cannot be read any more. Enter it again.")
        elif self._has_moved():
            self.add_error("extra_header_value", "The host of the endpoint has changed. Enter the value again.")

    def _has_moved(self) -> bool:
        """Whether the endpoint is on another host than the stored one."""
        known = self.stored.parsed if self.stored else None
        return bool(self.parsed and known and self.parsed.origin != known.origin)

    def _why_needed(self, field: str, what: str) -> str:
        """Why a blank secret will not do; empty when the stored one is kept."""
        if self.stored is None:
            return f"A connection needs a {what}. The portal shows it beside the endpoint."
        if isinstance(getattr(self.stored, field), UnreadableSecret):
            return f"The stored {what} cannot be read any more. Re-enter the {what}."
        if self._has_moved():
            return (
                f"The host of the endpoint has changed, so the stored {what} is not sent there. Enter the {what} again."
            )
        if not getattr(self.stored, field):
            return f"No {what} is stored. Enter one."
        return ""

    def fill(self, connection: Connection) -> bool:
        """Puts what was typed into the connection; blank secrets stay. Whether a secret is new."""
        moved = self._has_moved()  # asked first: the connection may be the stored one
        self._fill_fields(connection)
        return self._fill_secrets(connection, moved=moved)

    def _fill_fields(self, connection: Connection) -> None:
        cleaned = self.cleaned_data
        connection.name, connection.endpoint = cleaned.get("name", connection.name), cleaned["endpoint"]
        connection.default_model = cleaned.get("default_model", "")
        entra = cleaned.get("auth") == "entra"
        connection.auth = cleaned["method"] or Auth.CLIENT_SECRET if entra else Auth.KEY
        connection.tenant_id, connection.client_id = cleaned.get("tenant_id", ""), cleaned.get("client_id", "")
        header = cleaned.get("key_header", "")
        connection.key_header = cleaned.get("other_key_header", "") if header == "other" else header
        connection.extra_header = cleaned.get("extra_header", "")
        for name in (*LIMITS, "spill_over_to"):
            setattr(connection, name, cleaned.get(name))
        connection.when_reached = cleaned.get("when_reached") or WhenReached.WAIT

    def _fill_secrets(self, connection: Connection, *, moved: bool) -> bool:
        cleaned = self.cleaned_data
        typed = {
            "key": cleaned.get("key") or "",
            "identity_secret": cleaned.get(connection.auth, "") if cleaned.get("auth") == "entra" else "",
            "identity_password": cleaned.get("certificate_password") or "",
            "extra_header_value": cleaned.get("extra_header_value") or "",
        }
        for field, value in typed.items():
            if value:
                setattr(connection, field, Secret(value))
            elif moved or isinstance(getattr(connection, field), UnreadableSecret):
                # Nothing that was typed for one host goes to another, also not by a detour over another method.
                setattr(connection, field, Secret(""))
        if not connection.extra_header:
            connection.extra_header_value = Secret("")
        return any(typed.values())

    def changes_the_call(self) -> bool:
        """Whether a test of the form says nothing about the connection as it is stored."""
        if self.stored is None:
            return True
        draft = Connection(key=self.stored.key)
        new_secret = self.fill(draft)
        return new_secret or any(getattr(draft, name) != getattr(self.stored, name) for name in FIELDS_OF_A_CALL)

    def target(self) -> Target:
        """The form as it stands, for a test. The form is valid apart from its name."""
        draft = Connection(name="the connection")
        if self.stored is not None:
            for field in SECRETS:
                value = getattr(self.stored, field)
                setattr(draft, field, value if isinstance(value, Secret) else Secret(""))
        self.fill(draft)
        return draft.target()


def method_label(method: str) -> str:
    return Auth(method).label.lower()


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
        **{name: getattr(stored, name) for name in (*LIMITS, "when_reached")},
        "spill_over_to": stored.spill_over_to.name if stored.spill_over_to else "",
    }


class TestForm(forms.Form):
    """The deployment typed beside the Test button."""

    __test__ = False

    model = forms.CharField(
        label="Deployment",
        max_length=200,
        error_messages={"required": "Type the name of a deployment to test with."},
    )
