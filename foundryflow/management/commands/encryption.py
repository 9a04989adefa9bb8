"""`python manage.py encryption status|renew|forget`: the keys of the ring, and what is sealed with which."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from foundryflow.keys import (
    NotMigrated,
    WrongKey,
    forget_former_keys,
    is_migrated,
    key_ring,
    renew_secrets,
    secret_count,
    stored_secrets,
    verify_keys,
)
from foundryflow.models import KeyCanary


class Command(BaseCommand):
    help = "Shows encryption keys by their fingerprints, and seals what is stored with the first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("status", help="which keys there are, and how many secrets each opens")
        verbs.add_parser("renew", help="seal everything with the first key, so that the others may go")
        verbs.add_parser("forget", help="go on without a key that is lost; what it sealed has to be entered again")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        if not is_migrated():
            raise CommandError(str(NotMigrated()))
        getattr(self, f"{verb}_verb")()

    def status_verb(self) -> None:
        keys = key_ring()
        opened = [keys.open(each.sealed) for each in stored_secrets()]
        number = Counter(found[0] if found else None for found in opened)
        for place, name in enumerate(keys.fingerprints):
            does = "seals and opens" if place == 0 else "opens"
            self.stdout.write(f"{name}  {does}, {number[name]:,} sealed with it")
        for canary in KeyCanary.objects.exclude(fingerprint__in=keys.fingerprints):
            self.stdout.write(
                f"{canary.fingerprint}  is missing; the first since {canary.sealed_at:%Y-%m-%d %H:%M} UTC"
            )
        if number[None]:
            self.stdout.write(f"{secret_count(number[None])} not opened by any of these.")

    def renew_verb(self) -> None:
        try:
            verify_keys()
            renewed = renew_secrets()
        except WrongKey as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{secret_count(renewed)} now sealed with the key {key_ring().first}; the others may go.")

    def forget_verb(self) -> None:
        forgotten = forget_former_keys()
        said = f"Forgotten: {', '.join(forgotten)}." if forgotten else "No key is missing."
        self.stdout.write(f"{said} `python manage.py check --database default` names what has to be entered again.")
