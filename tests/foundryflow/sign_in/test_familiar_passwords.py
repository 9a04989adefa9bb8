"""Passwords that strangers try first."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("password1234", "too common"),
        ("Sunshine!2026", "Many people use this password"),
        ("!!1986monkey!!", "Many people use this password"),
        ("FoundryFlow2026!", "hardly more than the word foundryflow"),
        ("my-azure-2026", "hardly more than the word azure"),
        ("Fabrikam-2026-x", "hardly more than the word fabrikam"),
        ("flows-contoso-1", "hardly more than the word contoso"),
    ],
)
def test_what_anybody_guesses_is_not_taken(settings, password, sentence):
    settings.PASSWORD_WORDS = ["Fabrikam"]
    settings.ALLOWED_HOSTS = ["flows.contoso.example", "127.0.0.1"]
    with pytest.raises(ValidationError, match=sentence):
        validate_password(password)


@pytest.mark.parametrize(
    "password", ["correct horse staple", "a long enough password", "1234-5678-90-12-xkq", "x" * 200]
)
def test_what_nobody_guesses_is_taken(password):
    validate_password(password)
