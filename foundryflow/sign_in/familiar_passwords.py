"""Passwords that strangers try first: common ones with something added, and words that everybody here knows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

OWN_WORDS = ("foundryflow", "foundry", "microsoft", "azure", "entra", "openai", "administrator", "password")
LEAST_BESIDE = 6  # letters that have to be there beside a word that everybody knows
SHORTEST_WORD = 4


class FamiliarPasswordValidator(CommonPasswordValidator):
    """Looks at what is left without the digits and signs around it, in small letters."""

    def validate(self, password: str, user: Any = None) -> None:
        super().validate(password, user)
        core = core_of(password)
        if core in self.passwords:
            raise ValidationError("Many people use this password, with a few signs more or less.", "too_common")
        found = [word for word in familiar_words() if word in core]
        for word in found:
            core = core.replace(word, "")
        if found and sum(map(str.isalpha, core)) < LEAST_BESIDE:
            raise ValidationError(
                f"This is hardly more than the word {found[0]}, which anybody tries here.", "familiar"
            )


def core_of(password: str) -> str:
    letters = password.casefold()
    while letters and not letters[0].isalpha():
        letters = letters[1:]
    while letters and not letters[-1].isalpha():
        letters = letters[:-1]
    return letters


def familiar_words() -> list[str]:
    """Of the product, of the settings, and of the names under which the server is called; the longest first."""
    hosts = [part for host in settings.ALLOWED_HOSTS for part in host.split(".")[:-1] if not part.isdecimal()]
    known = [*OWN_WORDS, *settings.PASSWORD_WORDS, *hosts]
    return sorted({word.casefold() for word in known if len(word) >= SHORTEST_WORD}, key=len, reverse=True)
