"""The form of a connection to a database or a vault: what its kind asks for, and how it signs in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connections.clients import data_identity_problem
from connections.form_parts import IdentityPart, SecretCharField
from connections.foundry.values import Identity
from connections.kinds.address import (
    ENCRYPTIONS,
    LONGEST_ADDRESS,
    PLAIN,
    VERIFIED,
    AddressError,
    DataAddress,
    PastedAddress,
)
from connections.kinds.base import ConnectionKind, DataTarget
from connections.kinds.sign_ins import PASSWORD
from connections.models import OWN_IDENTITIES, Auth, Connection
from connections.secret import Secret

OPTIONAL_FIELDS = ("database", "user_name", "encryption")  # that not every kind has


class DataConnectionForm(IdentityPart):
    endpoint = forms.CharField(max_length=LONGEST_ADDRESS, error_messages={"required": "Type where it is."})
    database = forms.CharField(label="Database", max_length=200, required=False)
    user_name = forms.CharField(label="User", max_length=200, required=False)
    encryption = forms.ChoiceField(label="Encryption", choices=ENCRYPTIONS, required=False)
    auth = forms.ChoiceField(label="Authentication", required=False)
    key = SecretCharField("Password", strip=False, help_text="Write-only. Stored encrypted and never shown again.")

    def __init__(self, kind: ConnectionKind, *args: Any, stored: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, stored=stored, **kwargs)
        self.kind = kind
        self.pasted: PastedAddress | None = None
        self.fields["endpoint"].label, self.fields["endpoint"].help_text = kind.address_label, kind.address_hint
        self.fields["auth"].choices = kind.sign_ins or [PASSWORD]  # type: ignore[attr-defined]
        for name in OPTIONAL_FIELDS:
            if name not in kind.fields:
                del self.fields[name]

    def initial_values(self, stored: Connection) -> dict[str, Any]:
        address = stored.address
        return super().initial_values(stored) | {
            "endpoint": address.typed if address else "",
            "database": address.database if address else "",
            "encryption": address.encryption if address else VERIFIED,
            "user_name": stored.user_name,
        }

    # What the template asks

    @property
    def is_entra(self) -> bool:
        """Also where there is no other way."""
        return (self["auth"].value() or self._first_sign_in) == "entra"

    @property
    def signs_in(self) -> bool:
        return bool(self.kind.sign_ins)

    @property
    def takes_password(self) -> bool:
        return PASSWORD in self.kind.sign_ins

    @property
    def identity_note(self) -> str:
        """Why the server's own identity is not shown there; empty when it is, or is not meant to be."""
        address = self.pasted.address if self.pasted else self.stored.address if self.stored else None
        if address is None or not self.is_entra or self["method"].value() not in OWN_IDENTITIES:
            return ""
        return data_identity_problem(DataTarget("", self.kind.name, address, identity=Identity("managed_identity")))

    @property
    def public_endpoint(self) -> str:
        """What stands in the field: of a pasted address nothing that belongs into other fields."""
        if self.is_bound and self.pasted:
            return self.pasted.address.typed
        if self.is_bound:
            return ""
        return str(self["endpoint"].value() or "")

    # What is typed

    @property
    def has_moved(self) -> bool:
        known = self.stored.address if self.stored else None
        return bool(self.pasted and known and self.pasted.address.origin != known.origin)

    def clean_endpoint(self) -> str:
        try:
            self.pasted = self.kind.parse(self.cleaned_data["endpoint"])
        except AddressError as error:
            raise ValidationError(str(error)) from None
        return self.pasted.address.url

    def clean_auth(self) -> str:
        return self.cleaned_data["auth"] or self._first_sign_in

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.pasted is not None:
            self._take_from_address(self.pasted, cleaned)
        if "database" in self.fields and not cleaned.get("database"):
            self.add_error("database", "Name the database on that server.")
        if "user_name" in self.fields and not cleaned.get("user_name") and self._names_user(cleaned):
            self.add_error("user_name", "Name the user who signs in.")
        if cleaned.get("auth") == "entra":
            self.check_identity(cleaned)
            if cleaned.get("encryption") == PLAIN:
                self.add_error("encryption", "A token is never sent unencrypted. Choose an encryption.")
        elif self.takes_password:
            self._check_password(cleaned)
        return cleaned

    def _take_from_address(self, pasted: PastedAddress, cleaned: dict[str, Any]) -> None:
        """What was pasted with the address fills the fields that were left blank."""
        found = {"database": pasted.database, "user_name": pasted.user, "encryption": pasted.encryption}
        for name, value in found.items():
            if value and (not cleaned.get(name) or name == "encryption"):
                cleaned[name] = value
        if pasted.password and not cleaned.get("key"):
            cleaned["key"] = pasted.password.reveal()
        cleaned["endpoint"] = self._address(pasted.address, cleaned).url

    def _names_user(self, cleaned: dict[str, Any]) -> bool:
        return cleaned.get("auth") != "entra" or self.kind.token_names_user

    def _check_password(self, cleaned: dict[str, Any]) -> None:
        if "key" not in self.errors and not cleaned.get("key") and (why := self.reason_to_enter("key", "password")):
            self.add_error("key", why)

    def _address(self, address: DataAddress, cleaned: dict[str, Any]) -> DataAddress:
        if not address.host:
            return address
        database, encryption = cleaned.get("database") or "", cleaned.get("encryption") or VERIFIED
        return DataAddress(address.scheme, address.host, address.port, database, encryption)

    # What becomes of it

    def fill(self, connection: Connection) -> bool:
        moved, cleaned = self.has_moved, self.cleaned_data  # asked first: the connection may be the stored one
        connection.kind = self.kind.name
        connection.name, connection.endpoint = cleaned.get("name", connection.name), cleaned["endpoint"]
        self.fill_identity(connection)
        named = connection.auth == Auth.KEY or self.kind.token_names_user
        connection.user_name = cleaned.get("user_name", "") if named else ""
        if not connection.key:
            connection.key = Secret("")
        return self.fill_secrets(connection, moved=moved)

    def target(self) -> DataTarget:
        """The form as it stands, for a test. The form is valid apart from its name. Raises KeyUnreadable."""
        return self.draft().data_target()

    @property
    def _first_sign_in(self) -> str:
        return self.kind.sign_ins[0][0] if self.kind.sign_ins else PASSWORD[0]
