"""The connection form: the same on its page and inside the property panel."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connections.endpoint import Endpoint, EndpointError
from connections.fields import KeyUnreadable
from connections.foundry.client import Target
from connections.models import Connection
from connections.secret import Secret

LONGEST_KEY = 4_096


class WriteOnly(forms.PasswordInput):
    """A password input that never renders a value, not even the one just posted."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password", "spellcheck": "false"}, render_value=False)


class ConnectionForm(forms.Form):
    name = forms.CharField(
        max_length=100, label="Name", help_text="Unique. Flows refer to it by this name.",
        error_messages={"required": "A connection needs a name."},
    )  # fmt: skip
    endpoint = forms.CharField(
        label="Endpoint", max_length=2_048, help_text="Paste whatever the portal shows.",
        error_messages={"required": "Paste the address that the portal shows for the deployment."},
    )  # fmt: skip
    key = forms.CharField(
        label="API key", required=False, max_length=LONGEST_KEY, widget=WriteOnly, strip=True,
        help_text="Write-only. Stored encrypted and never shown again.",
    )  # fmt: skip
    default_model = forms.CharField(
        label="Default deployment",
        required=False,
        max_length=200,
        help_text="Name of the deployment, not the model id. A test calls it.",
    )

    def __init__(self, *args: Any, stored: Connection | None = None, **kwargs: Any) -> None:
        self.stored = stored
        if stored is not None:
            kwargs.setdefault(
                "initial",
                {"name": stored.name, "endpoint": stored.endpoint, "default_model": stored.default_model},
            )
        super().__init__(*args, **kwargs)
        self.parsed: Endpoint | None = None

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        taken = Connection.objects.filter(name=name).exclude(pk=self.stored.pk if self.stored else None)
        if taken.exists():
            raise ValidationError("There is a connection of this name. Choose another.")
        return name

    def clean_endpoint(self) -> str:
        try:
            self.parsed = Endpoint.parse(self.cleaned_data["endpoint"])
        except EndpointError as error:
            raise ValidationError(f"{error.message} {error.hint}") from None
        return self.parsed.url

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        if key.startswith(("http://", "https://")):
            raise ValidationError("That is a URL. It belongs into Endpoint.")
        if any(ord(sign) < 33 or ord(sign) > 126 for sign in key):
            raise ValidationError("A key has no blanks or special characters. Copy it again.")
        return key

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "key" not in self.errors and not cleaned.get("key") and (why := self.key_needed()):
            self.add_error("key", why)
        return cleaned

    def key_needed(self) -> str:
        """Why a blank key will not do; empty when the stored one is kept."""
        if self.stored is None:
            return "A connection needs a key. The portal shows it beside the endpoint."
        if not self.stored.key_readable:
            return "The stored key cannot be read any more. Re-enter the key."
        if self.parsed and self.stored.parsed and self.parsed.origin != self.stored.parsed.origin:
            return "The host of the endpoint has changed, so the stored key is not sent there. Enter the key again."
        if not self.stored.key:
            return "No key is stored. Enter one."
        return ""

    def target(self) -> Target:
        """The form as it stands, for a test. The form is valid apart from its name. Raises KeyUnreadable."""
        assert self.parsed is not None  # noqa: S101 - clean_endpoint has run
        key = self.cleaned_data["key"]
        if not key and self.stored is not None and not isinstance(self.stored.key, Secret):
            raise KeyUnreadable
        secret = Secret(key) if key else self.stored.key  # type: ignore[union-attr]
        return Target(name=self.cleaned_data.get("name") or "the connection", endpoint=self.parsed, key=secret)


class TestForm(forms.Form):
    """The deployment typed beside the Test button."""

    __test__ = False

    model = forms.CharField(
        label="Deployment",
        max_length=200,
        error_messages={"required": "Type the name of a deployment to test with."},
    )
