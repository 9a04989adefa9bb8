from __future__ import annotations

from django.conf import settings
from django.db import models


class Via(models.TextChoices):
    """How somebody reached the server."""

    BROWSER = "browser", "browser"
    API = "api", "API"
    COMMAND = "command", "command line"
    SERVER = "server", "server"


class AuditEntry(models.Model):
    """Who did what to what, when and from where. Never holds a secret. `foundryflow.audit` writes and shows it."""

    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=200, blank=True)  # the name as it was, also of a key, a command or the server
    via = models.CharField(max_length=10, choices=Via.choices, default=Via.BROWSER)
    address = models.CharField(max_length=45, blank=True)  # of the caller
    verb = models.CharField(max_length=60)  # in the past: "changed", "tried to sign in"
    kind = models.CharField(max_length=20, blank=True)  # of the subject: "flow", "connection", "run", "person", …
    subject = models.CharField(max_length=200)  # its name as it was
    subject_id = models.BigIntegerField(null=True)
    detail = models.CharField(max_length=500, blank=True)
    is_refused = models.BooleanField(default=False)
    count = models.PositiveIntegerField(default=1)  # how often, where the same was done again soon
    data = models.JSONField(default=dict)  # what a row opens to

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["by", "at"], name="audit_by"),
            models.Index(fields=["kind", "subject", "at"], name="audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
