"""`python manage.py apikey create|list|revoke`. A new key is printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import transaction

from foundryflow.audit.record import COMMAND, Subject, record
from foundryflow.management.keyed import KeyedCommand
from foundryflow.models import ApiKey, ApiScope


class Command(KeyedCommand):
    help = "Keys for the HTTP API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key and print it once")
        create.add_argument("name")
        create.add_argument("--scope", action="append", choices=ApiScope.values, help="may be given several times")
        create.add_argument("--person", help="user name of whose key it is; without, it sees nothing private")
        verbs.add_parser("list", help="every key, without what is secret")
        verbs.add_parser("revoke", help="let nobody in with it any more").add_argument("name")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"{verb}_verb")(**options)

    def create_verb(self, *, name: str, scope: list[str] | None, person: str | None = None, **options: Any) -> None:
        if ApiKey.objects.filter(name=name).exists():
            raise CommandError(f"There is a key {name!r}, perhaps a revoked one. Choose another name.")
        owner = User.objects.filter(username=person).first() if person else None
        if person and owner is None:
            raise CommandError(f"There is nobody called {person!r}.")
        with transaction.atomic():
            key, text = ApiKey.objects.issue(name, scope or [ApiScope.READ], by=owner)
            record(COMMAND, "created", Subject("api_key", key.name, key.pk), f"to {', '.join(key.scopes)}")
        self.stdout.write(text)
        self.stderr.write("Keep it: it is not shown again.")

    def list_verb(self, **options: Any) -> None:
        for key in ApiKey.objects.select_related("created_by"):
            whose = f"of {key.created_by.get_username()}" if key.created_by else "of nobody"
            used = key.last_used_at.isoformat(timespec="minutes") if key.last_used_at else "never used"
            revoked = "revoked" if key.revoked_at else ""
            self.stdout.write("  ".join([key.name, ",".join(key.scopes), whose, used, revoked]))

    def revoke_verb(self, *, name: str, **options: Any) -> None:
        key = ApiKey.objects.filter(name=name, revoked_at=None).first()
        if key is None:
            raise CommandError(f"There is no key {name!r} that lets anybody in.")
        with transaction.atomic():
            key.revoke()
            record(COMMAND, "revoked", Subject("api_key", key.name, key.pk))
        self.stdout.write(f"{name} is revoked.")
