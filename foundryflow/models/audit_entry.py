from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Via(models.TextChoices):
    """How somebody reached the server."""

    BROWSER = "browser", "browser"
    API = "api", "API"
    COMMAND = "command", "command line"
    SERVER = "server", "server"


class AuditEntry(models.Model):
    """Who did what to what, when and from where. Never holds a secret. `foundryflow.audit` writes and shows it.

    An entry about something that was done again and again soon after says how often, and when first and last.
    """

    at = models.DateTimeField(default=timezone.now)  # the last time
    first_at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField(max_length=200, blank=True)  # the name as it was, also of a key, a command or the server
    via = models.CharField(max_length=10, choices=Via.choices, default=Via.BROWSER)
    address = models.CharField(max_length=45, blank=True)  # of the caller
    source = models.CharField(max_length=100, blank=True)  # what else says from where: the fingerprint of a key, say
    verb = models.CharField(max_length=60)  # in the past: "changed", "tried to sign in"
    kind = models.CharField(max_length=20, blank=True)  # of the subject: "flow", "connection", "run", "person", …
    subject = models.CharField(max_length=200)  # its name as it was
    subject_id = models.BigIntegerField(null=True)
    detail = models.CharField(max_length=500, blank=True)
    is_refused = models.BooleanField(default=False)
    count = models.PositiveIntegerField(default=1)  # how often, where the same was done again soon
    group = models.CharField(max_length=32, null=True)
    data = models.JSONField(default=dict)  # what a row opens to

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["by", "-at", "-id"], name="audit_newest_by"),
            models.Index(fields=["kind", "-at", "-id"], name="audit_newest_of_kind"),
            models.Index(fields=["via", "-at", "-id"], name="audit_newest_via"),
            models.Index(fields=["-at", "-id"], name="audit_newest_refused", condition=models.Q(is_refused=True)),
            models.Index(fields=["kind", "subject_id", "-at"], name="audit_subject_id"),
            models.Index(fields=["group", "first_at"], name="audit_group", condition=models.Q(group__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
