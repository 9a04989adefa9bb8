"""Commands that begin only with the right encryption key."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from foundryflow.encryption.keys import NotMigrated, WrongKey, verify_keys


class KeyedCommand(BaseCommand):
    """Reads or writes what is encrypted."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        check_keys()
        return super().execute(*args, **options)


def add_without_secrets(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--without-secrets",
        action="store_true",
        default=settings.WITHOUT_SECRETS,
        help="start although an encryption key is missing; what it sealed has to be entered again",
    )


def check_keys() -> None:
    """Raises CommandError when nothing may start with the configured keys."""
    try:
        verify_keys()
    except (WrongKey, NotMigrated) as error:
        raise CommandError(str(error)) from None
