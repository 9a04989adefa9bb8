"""`python manage.py apikey create|list|revoke`. A new key is printed once."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from flows.api_keys.audit import record_creation, record_revocation
from flows.api_keys.expiry import ExpiryError, expiry_of
from flows.api_keys.limits import flows_by_id
from flows.models import Flow
from foundryflow.audit.record import COMMAND
from foundryflow.management.key_checks import KeyedCommand
from foundryflow.models import ApiKey, ApiScope


class Command(KeyedCommand):
    help = "Keys for the HTTP API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key and print it once")
        create.add_argument("name")
        scopes = "may be given several times; here, run brings read with it"
        create.add_argument("--scope", action="append", choices=ApiScope.values, help=scopes)
        create.add_argument("--person", help="user name of whose key it is; without, it sees nothing private")
        limit = "slug of a flow that the key is limited to; may be given several times"
        create.add_argument("--flow", action="append", metavar="SLUG", help=limit)
        expires = "days, the last day such as 2027-02-27, or never, which it is without"
        create.add_argument("--expires", default="never", help=expires)
        verbs.add_parser("list", help="every key, without what is secret")
        verbs.add_parser("revoke", help="let nobody in with it any more").add_argument("name")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        getattr(self, f"{verb}_verb")(Namespace(**options))

    def create_verb(self, options: Namespace) -> None:
        name, person, scope = options.name, options.person, options.scope
        if ApiKey.objects.filter(name=name, revoked_at=None).exists():
            raise CommandError(f"There is a key {name!r}. Choose another name, or revoke it first.")
        owner = User.objects.filter(username=person).first() if person else None
        if person and owner is None:
            raise CommandError(f"There is nobody called {person!r}.")
        scopes = {*(scope or [ApiScope.READ]), *([ApiScope.READ] if scope and ApiScope.RUN in scope else [])}
        ids, expires_at = self.flow_ids(options.flow), self.expiry(options.expires)
        with transaction.atomic():
            key, text = ApiKey.objects.issue(name, sorted(scopes), by=owner, flow_ids=ids, expires_at=expires_at)
            record_creation(COMMAND, key)
        self.stdout.write(text)
        self.stderr.write("Keep it: it is not shown again.")

    def flow_ids(self, slugs: list[str] | None) -> list[int] | None:
        if slugs is None:
            return None
        found = dict(Flow.objects.in_designer().filter(slug__in=slugs).values_list("slug", "pk"))
        if missing := sorted(set(slugs) - found.keys()):
            raise CommandError(f"There is no flow {missing[0]!r}.")
        return sorted(found.values())

    def expiry(self, words: str) -> datetime | None:
        try:
            return expiry_of(words, timezone.now())
        except ExpiryError as error:
            raise CommandError(str(error)) from None

    def list_verb(self, options: Namespace) -> None:
        keys = list(ApiKey.objects.select_related("created_by"))
        flows = flows_by_id(keys)
        for key in keys:
            whose = f"of {key.created_by.get_username()}" if key.created_by else "of nobody"
            slugs = [flows[pk].slug for pk in key.flow_ids or [] if pk in flows]
            limit = "every flow" if key.flow_ids is None else f"flows: {','.join(slugs) or 'none left'}"
            used = key.last_used_at.isoformat(timespec="minutes") if key.last_used_at else "never used"
            expires = f"expires {key.expires_at.isoformat(timespec='minutes')}" if key.expires_at else "never expires"
            state = "revoked" if key.revoked_at else "expired" if key.is_expired() else ""
            said = [key.name, ",".join(key.scopes), whose, limit, used, expires, state]
            self.stdout.write("  ".join(said).rstrip())

    def revoke_verb(self, options: Namespace) -> None:
        key = ApiKey.objects.filter(name=options.name, revoked_at=None).first()
        if key is None:
            raise CommandError(f"There is no key {options.name!r} that lets anybody in.")
        with transaction.atomic():
            key.revoke()
            record_revocation(COMMAND, key)
        self.stdout.write(f"{key.name} is revoked.")
