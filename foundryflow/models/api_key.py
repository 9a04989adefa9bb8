"""Keys of programs that call the HTTP API."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from foundryflow.roles import may_edit, may_run


class ApiScope(models.TextChoices):
    """What a key of the API may be for."""

    READ = "read", "read flows and runs"
    RUN = "run", "start, follow and stop runs"
    CONNECTIONS = "connections", "test connections"


class ApiKeyManager(models.Manager["ApiKey"]):
    def issue(self, name: str, scopes: list[str], *, by: User | None) -> tuple[ApiKey, str]:
        """A new key and its text, which is not stored and cannot be shown again."""
        secret = secrets.token_urlsafe(32)
        key = self.create(name=name, digest=digest(secret), scopes=sorted(set(scopes)), created_by=by)
        return key, f"ffk_{key.pk}_{secret}"

    def find(self, text: str) -> ApiKey | None:
        """The key with this text, unless it has been revoked or its person may not sign in any more."""
        prefix, _, rest = text.partition("_")
        number, _, secret = rest.partition("_")
        if prefix != "ffk" or not number.isdecimal() or len(number) > 15 or not secret:
            return None
        key = self.select_related("created_by__account").filter(pk=int(number), revoked_at=None).first()
        if key is None or not secrets.compare_digest(key.digest, digest(secret)):
            return None
        return key if key.created_by is None or key.created_by.is_active else None


class ApiKey(models.Model):
    """Lets a program in, as far as its scopes and its person may go. What is stored cannot be turned back into it."""

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64)  # SHA-256; the key has 256 bits of its own
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    # Whose key it is; one of nobody sees what is private to nobody. It goes with its person.
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiKeyManager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def may(self, scope: str) -> bool:
        """Whether the key has the scope; that of running contains that of reading."""
        return scope in self.scopes or (scope == ApiScope.READ and ApiScope.RUN in self.scopes)

    def person_may(self, scope: str) -> bool:
        """Whether its person may still do on the pages what the scope is for; a key of nobody goes by its scopes."""
        if self.created_by is None or scope == ApiScope.READ:
            return True
        return may_run(self.created_by) if scope == ApiScope.RUN else may_edit(self.created_by)

    def note_use(self) -> None:
        """Keeps when the key was last used, to the minute."""
        minute_ago = timezone.now() - timedelta(minutes=1)
        if self.last_used_at is None or self.last_used_at < minute_ago:
            ApiKey.objects.filter(pk=self.pk).update(last_used_at=timezone.now())

    def revoke(self) -> None:
        ApiKey.objects.filter(pk=self.pk).update(revoked_at=timezone.now())


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
