"""The connection form: the same on its page and inside the property panel."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connections.clients import identity_problem
from connections.endpoint.embedded_secrets import LONGEST_PASTE, without_secrets
from connections.endpoint.endpoint import Endpoint, EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.fields import KeyUnreadable
from connections.foundry.auth import BEARER
from connections.foundry.values import Target, WhenReached
from connections.limits.client import MOST_SPILLS
from connections.models import OWN_IDENTITIES, WHEN_REACHED_CHOICES, Auth, Connection
from connections.secret import Secret

LONGEST_KEY = 4_096
MOST = 2_000_000_000  # of a limit
LIMITS = ("max_calls", "requests_per_minute", "tokens_per_minute", "tokens_per_day")
LONGEST_CERTIFICATE = 20_000
KEY_HEADERS = [
    ("", "As the endpoint wants it"),
    ("api-key", "api-key"),
    (BEARER, "Authorization: Bearer"),
    ("Ocp-Apim-Subscription-Key", "Ocp-Apim-Subscription-Key"),
    ("other", "Another header…"),
]
ENTRA_METHODS = [choice for choice in Auth.choices if choice[0] != Auth.KEY]
# Headers that the client or HTTP itself sets.
RESERVED_HEADERS = (
    "host", "content-length", "content-type", "connection", "transfer-encoding", "accept-encoding", "expect",
    "upgrade", "te", "trailer", "cookie",
)  # fmt: skip


class WriteOnlyInput(forms.PasswordInput):
    """A password input that never renders a value, not even the one just posted."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password", "spellcheck": "false"}, render_value=False)


class SecretInput(forms.CharField):
    """A secret that is typed and never shown."""

    def __init__(self, label: str, *, longest: int = LONGEST_KEY, **kwargs: Any) -> None:
        super().__init__(label=label, required=False, max_length=longest, widget=WriteOnlyInput, **kwargs)


class HeaderName(forms.CharField):
    """The name of an HTTP header that nobody else sets."""

    def clean(self, value: Any) -> str:
        name: str = super().clean(value)
        if name and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise ValidationError("A header name has letters, digits and hyphens, such as Ocp-Apim-Subscription-Key.")
        if name.lower() in RESERVED_HEADERS:
            raise ValidationError(f"{name} is set by the connection itself. Choose another.")
        return name


class ConnectionForm(forms.Form):
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
    key = SecretInput("API key", strip=True, help_text="Write-only. Stored encrypted and never shown again.")
    method = forms.ChoiceField(label="Signs in with", choices=ENTRA_METHODS, required=False)
    tenant_id = forms.CharField(label="Tenant id", max_length=100, required=False)
    client_id = forms.CharField(label="Client id", max_length=100, required=False)
    client_secret = SecretInput("Client secret", strip=True, help_text="Its value, not its id. Write-only.")
    certificate = SecretInput(
        "Certificate",
        longest=LONGEST_CERTIFICATE,
        strip=False,
        help_text="Certificate and private key, both as PEM. Write-only.",
    )
    certificate_password = SecretInput("Password of the certificate", strip=False)
    key_header = forms.ChoiceField(label="Header of the key", choices=KEY_HEADERS, required=False)
    other_key_header = HeaderName(label="Name of that header", max_length=100, required=False)
    extra_header = HeaderName(label="One more header", max_length=100, required=False)
    extra_header_value = SecretInput("Its value", strip=True, help_text="Write-only. Blank sends the key there, too.")
    max_calls = forms.IntegerField(label="Calls at the same time", min_value=1, max_value=MOST, required=False)
    requests_per_minute = forms.IntegerField(label="Requests a minute", min_value=1, max_value=MOST, required=False)
    tokens_per_minute = forms.IntegerField(label="Tokens a minute", min_value=1, max_value=MOST, required=False)
    tokens_per_day = forms.IntegerField(label="Tokens a day (UTC)", min_value=1, max_value=MOST, required=False)
    when_reached = forms.ChoiceField(label="When a limit is reached", choices=WHEN_REACHED_CHOICES, required=False)
    spill_over_to = forms.CharField(label="Other connection", max_length=100, required=False)
    default_model = forms.CharField(
        label="Default deployment",
        required=False,
        max_length=200,
        help_text="Name of the deployment, not the model id. A test calls it.",
    )

    def __init__(self, *args: Any, stored: Connection | None = None, **kwargs: Any) -> None:
        self.stored = stored
        if stored is not None:
            kwargs.setdefault("initial", initial_values(stored))
        super().__init__(*args, **kwargs)
        self.parsed: Endpoint | None = None

    @property
    def entra(self) -> bool:
        return bool(self["auth"].value() == "entra")

    @property
    def has_gateway(self) -> bool:
        """Whether anything under More is set."""
        names = ("key_header", "other_key_header", "extra_header")
        return any(self[name].value() or self[name].errors for name in names)

    @property
    def has_limits(self) -> bool:
        return any(self[name].value() or self[name].errors for name in (*LIMITS, "spill_over_to"))

    @property
    def identity_note(self) -> str:
        """Why the server's own identity is not shown to the endpoint; empty when it is, or is not meant to be."""
        try:
            endpoint = self.parsed or (parse_endpoint(self.stored.endpoint) if self.stored else None)
        except EndpointError:
            endpoint = None
        if endpoint is None or not self.entra or self["method"].value() not in OWN_IDENTITIES:
            return ""
        return identity_problem(endpoint)

    @property
    def limit_fields(self) -> list[Any]:
        return [self[name] for name in LIMITS]

    @property
    def others(self) -> list[str]:
        """Names of connections that calls may go to instead."""
        here = self.stored.pk if self.stored else None
        return list(Connection.objects.exclude(pk=here).order_by("name").values_list("name", flat=True))

    @property
    def shown_endpoint(self) -> str:
        """What stands in the field: never the key that was pasted with the address."""
        value = self["endpoint"].value() or ""
        if not self.is_bound:
            return str(value)
        return self.parsed.url if self.parsed else without_secrets(value)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        taken = Connection.objects.filter(name=name).exclude(pk=self.stored.pk if self.stored else None)
        if taken.exists():
            raise ValidationError("There is a connection of this name. Choose another.")
        return name

    def clean_endpoint(self) -> str:
        try:
            self.parsed = parse_endpoint(self.cleaned_data["endpoint"])
        except EndpointError as error:
            raise ValidationError(f"{error.message} {error.hint}") from None
        return self.parsed.url

    def clean_spill_over_to(self) -> Connection | None:
        name = self.cleaned_data["spill_over_to"]
        if not name:
            return None
        other = Connection.objects.select_related("spill_over_to").filter(name=name).first()
        if other is None:
            raise ValidationError(f"There is no connection {name}.")
        seen, here = other, self.stored.pk if self.stored else None
        for _ in range(MOST_SPILLS):
            if seen.pk == here:
                raise ValidationError(f"{name} comes back to this connection. Choose another.")
            if seen.spill_over_to is None:
                break
            seen = seen.spill_over_to
        return other

    def clean_key(self) -> str:
        return self._typed("key", "key")

    def clean_client_secret(self) -> str:
        return self._typed("client_secret", "client secret")

    def clean_extra_header_value(self) -> str:
        return self._typed("extra_header_value", "header")

    def _typed(self, field: str, what: str) -> str:
        value: str = self.cleaned_data[field]
        if value.startswith(("http://", "https://")):
            raise ValidationError("That is a URL. It belongs into Endpoint.")
        if any(ord(sign) < 33 or ord(sign) > 126 for sign in value):
            raise ValidationError(f"A {what} has no blanks or special characters. Copy it again.")
        return value

    def clean_certificate(self) -> str:
        value: str = self.cleaned_data["certificate"].replace("\r\n", "\n")
        if value.strip() and not ("BEGIN CERTIFICATE" in value and "PRIVATE KEY" in value):
            raise ValidationError("Paste both PEM blocks: the certificate and its private key.")
        return value.strip()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.parsed and self.parsed.found_key and not cleaned.get("key") and "key" not in self.errors:
            cleaned["key"] = self.parsed.found_key.reveal()
        if self.parsed and self.parsed.found_model and not cleaned.get("default_model"):
            cleaned["default_model"] = self.parsed.found_model[:200]
        if cleaned.get("auth") == "entra":
            self._check_identity(cleaned)
        elif "key" not in self.errors and not cleaned.get("key") and (why := self._needed("key", "key")):
            self.add_error("key", why)
        if cleaned.get("key_header") == "other" and not cleaned.get("other_key_header"):
            self.add_error("other_key_header", "Name the header that carries the key.")
        self._check_extra_header(cleaned)
        spills = cleaned.get("when_reached") == WhenReached.SPILL
        if spills and not cleaned.get("spill_over_to") and "spill_over_to" not in self.errors:
            self.add_error("spill_over_to", "Name the connection that calls go to.")
        return cleaned

    def _check_identity(self, cleaned: dict[str, Any]) -> None:
        method = cleaned.get("method")
        if method not in (Auth.CLIENT_SECRET, Auth.CERTIFICATE):
            return
        for field, what in (("tenant_id", "tenant id"), ("client_id", "client id")):
            if not cleaned.get(field) and field not in self.errors:
                self.add_error(field, f"The portal shows the {what} on the page of the app registration.")
        if cleaned.get(method) or method in self.errors:
            return
        kept = self.stored is not None and self.stored.auth == method
        why = self._needed("identity_secret", method_label(method)) if kept else f"Type the {method_label(method)}."
        if why:
            self.add_error(method, why)

    def _check_extra_header(self, cleaned: dict[str, Any]) -> None:
        stored = self.stored.extra_header_value if self.stored else None
        if cleaned.get("extra_header") and not cleaned.get("extra_header_value") and stored and self._host_changed():
            self.add_error("extra_header_value", "The host of the endpoint has changed. Enter the value again.")

    def _host_changed(self) -> bool:
        known = self.stored.parsed if self.stored else None
        return bool(self.parsed and known and self.parsed.origin != known.origin)

    def _needed(self, field: str, what: str) -> str:
        """Why a blank secret will not do; empty when the stored one is kept."""
        if self.stored is None:
            return f"A connection needs a {what}. The portal shows it beside the endpoint."
        if not self.stored.key_readable:
            return f"The stored {what} cannot be read any more. Re-enter the {what}."
        if self._host_changed():
            return (
                f"The host of the endpoint has changed, so the stored {what} is not sent there. Enter the {what} again."
            )
        if not getattr(self.stored, field):
            return f"No {what} is stored. Enter one."
        return ""

    def fill(self, connection: Connection) -> bool:
        """Puts what was typed into the connection; blank secrets stay. Whether a secret is new."""
        cleaned, moved = self.cleaned_data, self._host_changed()
        entra = cleaned.get("auth") == "entra"
        connection.name, connection.endpoint = cleaned.get("name", connection.name), cleaned["endpoint"]
        connection.default_model = cleaned.get("default_model", "")
        connection.auth = cleaned["method"] or Auth.CLIENT_SECRET if entra else Auth.KEY
        connection.tenant_id, connection.client_id = cleaned.get("tenant_id", ""), cleaned.get("client_id", "")
        header = cleaned.get("key_header", "")
        connection.key_header = cleaned.get("other_key_header", "") if header == "other" else header
        connection.extra_header = cleaned.get("extra_header", "")
        for name in (*LIMITS, "spill_over_to"):
            setattr(connection, name, cleaned.get(name))
        connection.when_reached = cleaned.get("when_reached") or WhenReached.WAIT
        typed = {
            "key": cleaned.get("key") or "",
            "identity_secret": cleaned.get(connection.auth, "") if entra else "",
            "identity_password": cleaned.get("certificate_password") or "",
            "extra_header_value": cleaned.get("extra_header_value") or "",
        }
        for field, value in typed.items():
            if value:
                setattr(connection, field, Secret(value))
            elif moved:
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
        fields = ("endpoint", "auth", "tenant_id", "client_id", "key_header", "extra_header")
        return new_secret or any(getattr(draft, field) != getattr(self.stored, field) for field in fields)

    def target(self) -> Target:
        """The form as it stands, for a test. The form is valid apart from its name. Raises KeyUnreadable."""
        draft = Connection(name="the connection")
        if self.stored is not None:
            if not self.stored.key_readable and not self.cleaned_data.get("key"):
                raise KeyUnreadable
            for field in ("key", "identity_secret", "identity_password", "extra_header_value"):
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
