"""Parts of the connection form: what is secret, headers, identities and limits, each with its own rules."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connections.endpoint.endpoint import Endpoint
from connections.fields import UnreadableSecret
from connections.foundry.auth import API_KEY, BEARER, SUBSCRIPTION_KEY
from connections.foundry.values import WhenReached
from connections.limits.client import MOST_SPILLS
from connections.models import WHEN_REACHED_CHOICES, Auth, Connection
from connections.secret import Secret

SECRETS = ("key", "identity_secret", "identity_password", "extra_header_value")  # of a stored connection

LONGEST_KEY = 4_096
MOST = 2_000_000_000  # of a limit
LIMITS = ("max_calls", "requests_per_minute", "tokens_per_minute", "tokens_per_day")
LONGEST_CERTIFICATE = 20_000
KEY_HEADERS = [
    ("", "As the endpoint wants it"),
    (API_KEY, API_KEY),
    (BEARER, "Authorization: Bearer"),
    (SUBSCRIPTION_KEY, SUBSCRIPTION_KEY),
    ("other", "Another header…"),
]
ENTRA_METHODS = [choice for choice in Auth.choices if choice[0] != Auth.KEY]
# Headers that the client or HTTP itself sets.
RESERVED_HEADERS = (
    "host", "content-length", "content-type", "connection", "transfer-encoding", "accept-encoding", "expect",
    "upgrade", "te", "trailer", "cookie",
)  # fmt: skip


class UnrenderedInput(forms.PasswordInput):
    """A password input that never renders a value, not even the one just posted."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password", "spellcheck": "false"}, render_value=False)


class SecretCharField(forms.CharField):
    """A secret that is typed and never shown."""

    def __init__(self, label: str, *, longest: int = LONGEST_KEY, **kwargs: Any) -> None:
        super().__init__(label=label, required=False, max_length=longest, widget=UnrenderedInput, **kwargs)


class HeaderName(forms.CharField):
    """The name of an HTTP header that nobody else sets."""

    def clean(self, value: Any) -> str:
        name: str = super().clean(value)
        if name and not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
            raise ValidationError("A header name has letters, digits and hyphens, such as Ocp-Apim-Subscription-Key.")
        if name.lower() in RESERVED_HEADERS:
            raise ValidationError(f"{name} is set by the connection itself. Choose another.")
        return name


def check_secret(value: str, what: str) -> str:
    """The value. Raises ValidationError for what no key or secret looks like."""
    if value.startswith(("http://", "https://")):
        raise ValidationError("That is a URL. It belongs into Endpoint.")
    if any(ord(sign) < 33 or ord(sign) > 126 for sign in value):
        raise ValidationError(f"A {what} has no blanks or special characters. Copy it again.")
    return value


class ConnectionPart(forms.Form):
    """Part of the form of a connection that is new, or stored already."""

    name = forms.CharField(
        max_length=100, label="Name", help_text="Unique. Flows refer to it by this name.",
        error_messages={"required": "A connection needs a name."},
    )  # fmt: skip
    where_to_find = ""  # where people find what is secret, in a sentence

    def __init__(self, *args: Any, stored: Connection | None = None, **kwargs: Any) -> None:
        self.stored = stored
        if stored is not None:
            kwargs.setdefault("initial", self.initial_values(stored))
        super().__init__(*args, **kwargs)

    def initial_values(self, stored: Connection) -> dict[str, Any]:
        """What the fields of the part say of a stored connection; nothing that is secret."""
        return {"name": stored.name}

    @property
    def has_moved(self) -> bool:
        """Whether the address is on another host than the stored one."""
        raise NotImplementedError

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        same = Connection.objects.filter(name=name).exclude(pk=self.stored.pk if self.stored else 0)
        if same.exists():
            raise ValidationError("There is a connection of this name. Choose another.")
        return name

    def reason_to_enter(self, field: str, what: str) -> str:
        """Why a blank secret will not do; empty when the stored one is kept."""
        if self.stored is None:
            return f"A connection needs a {what}. {self.where_to_find}".rstrip()
        if isinstance(getattr(self.stored, field), UnreadableSecret):
            return f"The stored {what} cannot be read any more. Re-enter the {what}."
        if self.has_moved:
            return (
                f"The host of the endpoint has changed, so the stored {what} is not sent there. Enter the {what} again."
            )
        if not getattr(self.stored, field):
            return f"No {what} is stored. Enter one."
        return ""

    def check_typed_secret(self, field: str, what: str) -> str:
        """What was typed into a write-only field. Raises ValidationError for what no key or secret looks like."""
        return check_secret(self.cleaned_data[field], what)

    def is_any_set(self, *names: str) -> bool:
        return any(self[name].value() or self[name].errors for name in names)


class IdentityPart(ConnectionPart):
    """Microsoft Entra ID: who signs in, and with what."""

    method = forms.ChoiceField(label="Signs in with", choices=ENTRA_METHODS, required=False)
    tenant_id = forms.CharField(label="Tenant id", max_length=100, required=False)
    client_id = forms.CharField(label="Client id", max_length=100, required=False)
    client_secret = SecretCharField("Client secret", strip=True, help_text="Its value, not its id. Write-only.")
    certificate = SecretCharField(
        "Certificate",
        longest=LONGEST_CERTIFICATE,
        strip=False,
        help_text="Certificate and private key, both as PEM. Write-only.",
    )
    certificate_password = SecretCharField("Password of the certificate", strip=False)

    @property
    def is_entra(self) -> bool:
        return bool(self["auth"].value() == "entra")

    def initial_values(self, stored: Connection) -> dict[str, Any]:
        return super().initial_values(stored) | {
            "auth": "key" if stored.auth == Auth.KEY else "entra",
            "method": "" if stored.auth == Auth.KEY else stored.auth,
            "tenant_id": stored.tenant_id,
            "client_id": stored.client_id,
        }

    def clean_client_secret(self) -> str:
        return self.check_typed_secret("client_secret", "client secret")

    def clean_certificate(self) -> str:
        value: str = self.cleaned_data["certificate"].replace("\r\n", "\n")
        if value.strip() and not ("BEGIN CERTIFICATE" in value and "PRIVATE KEY" in value):
            raise ValidationError("Paste both PEM blocks: the certificate and its private key.")
        return value.strip()

    def check_identity(self, cleaned: dict[str, Any]) -> None:
        """Adds an error for whatever the chosen way to sign in needs and does not have."""
        method = cleaned.get("method")
        if method not in (Auth.CLIENT_SECRET, Auth.CERTIFICATE):
            return
        self.check_application(cleaned)
        if cleaned.get(method) or method in self.errors:
            return
        kept = self.stored is not None and self.stored.auth == method
        label = Auth(method).label.lower()
        why = self.reason_to_enter("identity_secret", label) if kept else f"Type the {label}."
        if why:
            self.add_error(method, why)

    def fill_identity(self, connection: Connection) -> None:
        """Puts everything but secrets into the connection."""
        cleaned = self.cleaned_data
        entra = cleaned.get("auth") == "entra"
        connection.auth = cleaned["method"] or Auth.CLIENT_SECRET if entra else Auth.KEY
        connection.tenant_id, connection.client_id = cleaned.get("tenant_id", ""), cleaned.get("client_id", "")

    def fill_secrets(self, connection: Connection, *, moved: bool) -> bool:
        """Puts typed secrets into the connection; blank ones stay, but not for another host. Whether one is new."""
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
        return any(typed.values())

    def draft(self) -> Connection:
        """The form as it stands, for a test. The form is valid apart from its name."""
        draft = Connection(name="the connection", key=Secret(""))
        if self.stored is not None:
            for field in SECRETS:
                value = getattr(self.stored, field)
                setattr(draft, field, value if isinstance(value, Secret) else Secret(""))
        self.fill(draft)
        return draft

    def changes_the_call(self) -> bool:
        """Whether a test of the form says nothing about the connection as it is stored."""
        return self.stored is None or self.draft().call_digest != self.stored.call_digest

    def fill(self, connection: Connection) -> bool:
        """Puts what was typed into the connection; blank secrets stay. Whether a secret is new."""
        raise NotImplementedError

    def check_application(self, cleaned: dict[str, Any]) -> None:
        """An app registration has two ids. Adds an error for each that is missing."""
        for field, what in (("tenant_id", "tenant id"), ("client_id", "client id")):
            if not cleaned.get(field) and field not in self.errors:
                self.add_error(field, f"The portal shows the {what} on the page of the app registration.")


class GatewayPart(ConnectionPart):
    """Headers that a gateway wants."""

    key_header = forms.ChoiceField(label="Header of the key", choices=KEY_HEADERS, required=False)
    other_key_header = HeaderName(label="Name of that header", max_length=100, required=False)
    token_scope = forms.RegexField(
        r"^api://[^\s/]+(/[^\s/]+)*/\.default$",
        label="Scope of the token",
        max_length=200,
        required=False,
        help_text="Of a gateway that takes tokens of Microsoft Entra ID: its owner tells it.",
        error_messages={"invalid": "A scope looks like api://CLIENT-ID/.default. Ask the owner of the gateway."},
    )
    extra_header = HeaderName(label="One more header", max_length=100, required=False)
    extra_header_value = SecretCharField(
        "Its value", strip=True, help_text="Write-only. Blank sends the key there, too."
    )

    def initial_values(self, stored: Connection) -> dict[str, Any]:
        known = stored.key_header in dict(KEY_HEADERS)
        return super().initial_values(stored) | {
            "key_header": stored.key_header if known else "other",
            "other_key_header": "" if known else stored.key_header,
            "extra_header": stored.extra_header,
            "token_scope": stored.token_scope,
        }

    @property
    def has_gateway(self) -> bool:
        """Whether anything under More is set."""
        return self.is_any_set("key_header", "other_key_header", "extra_header", "token_scope")

    def clean_extra_header_value(self) -> str:
        return self.check_typed_secret("extra_header_value", "header")

    def check_key_header(self, cleaned: dict[str, Any]) -> None:
        if cleaned.get("key_header") == "other" and not cleaned.get("other_key_header"):
            self.add_error("other_key_header", "Name the header that carries the key.")

    def check_token_scope(self, cleaned: dict[str, Any], endpoint: Endpoint | None) -> None:
        if cleaned.get("auth") != "entra":
            # Of a way to sign in that is not chosen any more, in a field that is not shown.
            cleaned["token_scope"] = ""
            self.errors.pop("token_scope", None)
        elif cleaned.get("token_scope") and endpoint is not None and endpoint.is_azure:
            self.add_error("token_scope", f"{endpoint.host} has a scope of its own. Leave it empty.")

    def fill_gateway(self, connection: Connection) -> None:
        cleaned, header = self.cleaned_data, self.cleaned_data.get("key_header", "")
        connection.key_header = cleaned.get("other_key_header", "") if header == "other" else header
        connection.extra_header = cleaned.get("extra_header", "")
        connection.token_scope = cleaned.get("token_scope", "")


class LimitsPart(ConnectionPart):
    """What runs may use of the connection, and what happens when that is used up."""

    max_calls = forms.IntegerField(label="Calls at the same time", min_value=1, max_value=MOST, required=False)
    requests_per_minute = forms.IntegerField(label="Requests a minute", min_value=1, max_value=MOST, required=False)
    tokens_per_minute = forms.IntegerField(label="Tokens a minute", min_value=1, max_value=MOST, required=False)
    tokens_per_day = forms.IntegerField(label="Tokens a day (UTC)", min_value=1, max_value=MOST, required=False)
    when_reached = forms.ChoiceField(label="When a limit is reached", choices=WHEN_REACHED_CHOICES, required=False)
    spill_over_to = forms.CharField(label="Other connection", max_length=100, required=False)

    def initial_values(self, stored: Connection) -> dict[str, Any]:
        return super().initial_values(stored) | {
            **{name: getattr(stored, name) for name in (*LIMITS, "when_reached")},
            "spill_over_to": stored.spill_over_to.name if stored.spill_over_to else "",
        }

    @property
    def has_limits(self) -> bool:
        return self.is_any_set(*LIMITS, "spill_over_to")

    @property
    def limit_fields(self) -> list[Any]:
        return [self[name] for name in LIMITS]

    @property
    def other_names(self) -> list[str]:
        """Names of connections that calls may go to instead."""
        here = self.stored.pk if self.stored else 0
        return list(Connection.objects.foundry().exclude(pk=here).order_by("name").values_list("name", flat=True))

    def clean_spill_over_to(self) -> Connection | None:
        name = self.cleaned_data["spill_over_to"]
        if not name:
            return None
        other = Connection.objects.foundry().select_related("spill_over_to").filter(name=name).first()
        if other is None:
            raise ValidationError(f"There is no connection {name}.")
        if self.stored and leads_to(other, self.stored):
            raise ValidationError(f"{name} comes back to this connection. Choose another.")
        return other

    def check_spill(self, cleaned: dict[str, Any]) -> None:
        spills = cleaned.get("when_reached") == WhenReached.SPILL
        if spills and not cleaned.get("spill_over_to") and "spill_over_to" not in self.errors:
            self.add_error("spill_over_to", "Name the connection that calls go to.")

    def fill_limits(self, connection: Connection) -> None:
        for name in (*LIMITS, "spill_over_to"):
            setattr(connection, name, self.cleaned_data.get(name))
        connection.when_reached = self.cleaned_data.get("when_reached") or WhenReached.WAIT


def leads_to(start: Connection, wanted: Connection) -> bool:
    """Whether calls that spill over from one connection to the next come to the wanted one."""
    seen: Connection | None = start
    for _ in range(MOST_SPILLS):
        if seen is None or seen.pk == wanted.pk:
            return seen is not None
        seen = seen.spill_over_to
    return False
