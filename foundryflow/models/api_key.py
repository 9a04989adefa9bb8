"""Keys of programs that call the HTTP API."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from foundryflow.roles import Role, has_role

WARNED = timedelta(days=7)  # before a key expires
LISTED_DAYS = 92  # that a revoked key stays in the list


class ApiScope(models.TextChoices):
    """What a key of the API may be for. Every call of the API asks for exactly one of them."""

    RUN = "run", "run"
    READ = "read", "read flows and runs"
    USAGE = "usage", "read usage"
    CONNECTIONS = "connections", "test connections"

    @property
    def hint(self) -> str:
        return {
            ApiScope.RUN: "Start, restart and stop runs. To ask for a run later, add the next one.",
            ApiScope.READ: "List flows, read runs and follow them.",
            ApiScope.USAGE: "Calls, tokens and costs.",
            ApiScope.CONNECTIONS: "One tiny prompt, or signing in to a database or a vault.",
        }[self]

    @property
    def least(self) -> Role:
        """The role that may do the same on the pages."""
        return {ApiScope.RUN: Role.RUNNER, ApiScope.CONNECTIONS: Role.EDITOR}.get(self, Role.READER)


class ApiKeyManager(models.Manager["ApiKey"]):
    def issue(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        by: User | None,
        flow_ids: Collection[int] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its text, which is not stored and cannot be shown again."""
        fingerprint = secrets.token_hex(2)
        secret = fingerprint + secrets.token_urlsafe(32)
        key = self.create(
            name=name,
            fingerprint=fingerprint,
            digest=digest(secret),
            scopes=sorted(set(scopes)),
            flow_ids=None if flow_ids is None else sorted(set(flow_ids)),
            expires_at=expires_at,
            created_by=by,
        )
        return key, f"ffk_{key.pk}_{secret}"

    def find(self, text: str) -> ApiKey | None:
        """The key with this text, if it lets anybody in."""
        key = self.find_any(text)
        return None if key is None or key.trouble() else key

    def find_any(self, text: str) -> ApiKey | None:
        """The key with this text, also one that lets nobody in any more."""
        parts = parts_of(text)
        key = self.select_related("created_by__account").filter(pk=parts[0]).first() if parts else None
        if key is None or parts is None or not secrets.compare_digest(key.digest, digest(parts[1])):
            return None
        return key

    def listed(self, now: datetime) -> models.QuerySet[ApiKey]:
        """Those that are not revoked, and those that were revoked in the last three months."""
        recent = models.Q(revoked_at=None) | models.Q(revoked_at__gt=now - timedelta(days=LISTED_DAYS))
        return self.filter(recent).select_related("created_by__account")


class ApiKey(models.Model):
    """Lets a program in, as far as its scopes and its person may go. What is stored cannot be turned back into it."""

    name = models.CharField(max_length=100)
    fingerprint = models.CharField(max_length=8, blank=True)  # how its secret begins; keys from before have none
    digest = models.CharField(max_length=64)  # SHA-256; the key has 256 bits of its own
    scopes = models.JSONField(default=list)
    flow_ids = models.JSONField(null=True)  # of the flows it is limited to; None: every flow
    created_at = models.DateTimeField(auto_now_add=True)
    # Whose key it is; one of nobody sees what is private to nobody. It goes with its person.
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    is_last_use_refused = models.BooleanField(default=False)
    calls_on = models.DateField(null=True)  # the day that the next is about
    calls = models.PositiveIntegerField(default=0)

    objects = ApiKeyManager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=models.Q(revoked_at=None), name="one_api_key_of_a_name")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def begins(self) -> str:
        """How its text begins, by which somebody who has it recognises it."""
        return f"ffk_{self.pk}_{self.fingerprint}…"

    @property
    def scope_labels(self) -> str:
        return ", ".join(scope.label for scope in ApiScope if scope in self.scopes) or "nothing"

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def person_may(self, scope: str) -> bool:
        """Whether its person may still do on the pages what the scope is for; a key of nobody goes by its scopes."""
        return self.created_by is None or has_role(self.created_by, ApiScope(scope).least)

    def allows_flow(self, flow_id: int) -> bool:
        return self.flow_ids is None or flow_id in self.flow_ids

    def trouble(self, now: datetime | None = None) -> str:
        """Why it lets nobody in: a sentence. Empty when it does."""
        if self.revoked_at is not None:
            return f"The key {self.name} was revoked on {date_words(self.revoked_at)}."
        if self.is_expired(now):
            return f"The key {self.name} expired on {date_words(self.expires_at)}."
        if self.created_by is not None and not self.created_by.is_active:
            return f"The key {self.name} belongs to somebody whose account is switched off."
        return ""

    def is_expired(self, now: datetime | None = None) -> bool:
        return self.expires_at is not None and self.expires_at <= (now or timezone.now())

    def expires_soon(self, now: datetime) -> bool:
        return self.expires_at is not None and now < self.expires_at <= now + WARNED

    def calls_today(self) -> int:
        return self.calls if self.calls_on == timezone.localdate() else 0

    def revoke(self) -> bool:
        """False when somebody has revoked it already."""
        self.revoked_at = timezone.now()
        return bool(ApiKey.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=self.revoked_at))


def parts_of(text: str) -> tuple[int, str] | None:
    """The number and the secret in the text of a key; None when it has not the shape of one."""
    prefix, _, rest = text.partition("_")
    number, _, secret = rest.partition("_")
    if prefix != "ffk" or not (number.isascii() and number.isdecimal()) or len(number) > 15 or not secret:
        return None
    return int(number), secret


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def date_words(at: datetime | None) -> str:
    """27 Feb 2027, in the time zone of the server."""
    if at is None:
        return "never"
    here = timezone.localtime(at)
    return f"{here.day} {here:%b %Y}"
