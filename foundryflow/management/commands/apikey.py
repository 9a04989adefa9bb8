"""`python manage.py apikey create|list|revoke`. A new key is printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from foundryflow.management.keyed import KeyedCommand
from foundryflow.models import ApiKey


class Command(KeyedCommand):
    help = "Keys for the HTTP API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key and print it once")
        create.add_argument("name")
        create.add_argument("--scope", action="append", choices=ApiKey.Scope.values, help="may be given several times")
        verbs.add_parser("list", help="every key, without what is secret")
        verbs.add_parser("revoke", help="let nobody in with it any more").add_argument("name")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"{verb}_verb")(**options)

    def create_verb(self, *, name: str, scope: list[str] | None, **options: Any) -> None:
        if ApiKey.objects.filter(name=name).exists():
            raise CommandError(f"There is a key {name!r}, perhaps a revoked one. Choose another name.")
        _, text = ApiKey.objects.issue(name, scope or [ApiKey.Scope.READ], by=None)
        self.stdout.write(text)
        self.stderr.write("Keep it: it is not shown again.")

    def list_verb(self, **options: Any) -> None:
        for key in ApiKey.objects.all():
            used = key.last_used_at.isoformat(timespec="minutes") if key.last_used_at else "never used"
            self.stdout.write("  ".join([key.name, ",".join(key.scopes), used, "revoked" if key.revoked_at else ""]))

    def revoke_verb(self, *, name: str, **options: Any) -> None:
        found = ApiKey.objects.filter(name=name, revoked_at=None)
        if not found.update(revoked_at=timezone.now()):
            raise CommandError(f"There is no key {name!r} that lets anybody in.")
        self.stdout.write(f"{name} is revoked.")
