"""Encrypted columns that fail closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from encrypted_model_fields.fields import EncryptedTextField, decrypt_str, encrypt_str

from connections.secret import Secret


class KeyUnreadable(Exception):
    """A stored secret cannot be decrypted with any key of FOUNDRYFLOW_ENCRYPTION_KEY."""

    def __init__(self) -> None:
        super().__init__("The stored key cannot be read with the encryption key of this server. Re-enter the key.")


class UnreadableSecret:
    """Stands for a value that was read but cannot be decrypted, so that a list of rows still loads."""

    def __bool__(self) -> bool:
        return True

    def reveal(self) -> str:
        raise KeyUnreadable

    @property
    def fingerprint(self) -> str:
        raise KeyUnreadable

    def __str__(self) -> str:
        return "unreadable"


class SealedText(str):
    """What is encrypted already: stored as it is."""


def seal(text: str) -> str:
    """The text as a `SecretField` stores it."""
    return str(encrypt_str(text).decode())


def unseal(sealed: str) -> str:
    """The way back. Raises KeyUnreadable."""
    try:
        return str(decrypt_str(sealed))
    except InvalidToken:
        raise KeyUnreadable from None


if TYPE_CHECKING:  # the package has no types: what is set, and what is read, which may be unreadable, too
    BaseField = models.TextField[Secret | SealedText | None, Any]
else:
    BaseField = EncryptedTextField


class SecretField(BaseField):
    """A text encrypted at rest, in Python a `Secret` (empty when nothing is stored).

    The package hands back the ciphertext when it cannot decrypt; this field hands back a value that raises
    `KeyUnreadable` as soon as somebody wants to use it.
    """

    def from_db_value(self, value: str | None, *args: Any) -> Secret | UnreadableSecret | None:
        if value is None:
            return None
        try:
            return Secret(decrypt_str(value) if value else "")
        except InvalidToken:
            return UnreadableSecret()

    def to_python(self, value: Any) -> Any:
        return Secret(value) if isinstance(value, str) and not isinstance(value, SealedText) else value

    def get_prep_value(self, value: Any) -> Any:
        return value

    def get_db_prep_save(self, value: Any, connection: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, UnreadableSecret):
            raise KeyUnreadable
        if isinstance(value, SealedText):
            return str(value)
        text = value.reveal() if isinstance(value, Secret) else str(value)
        # Sealed, an empty text would have to be entered again when the key is lost.
        return seal(text) if text else ""

    def value_to_string(self, obj: Any) -> str:
        raise TypeError("a secret is not serialised")


def check_key_ring(keys: list[str]) -> None:
    """Raises ImproperlyConfigured unless what the first key encrypts can be read back."""
    if not keys:
        raise ImproperlyConfigured("FOUNDRYFLOW_ENCRYPTION_KEY holds no key. `make env` writes a new one.")
    if decrypt_str(encrypt_str("round trip").decode()) != "round trip":
        raise ImproperlyConfigured("FOUNDRYFLOW_ENCRYPTION_KEY cannot read back what it encrypts.")
