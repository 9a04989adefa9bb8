"""Connections to models: a name, an endpoint and a key."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from connections.endpoint import Endpoint, EndpointError
from connections.fields import KeyUnreadable, SecretField, Unreadable
from connections.foundry.client import Target, TestResult
from connections.secret import Secret


class Connection(models.Model):
    name = models.CharField(max_length=100, unique=True)
    endpoint = models.CharField(max_length=2_048)  # canonical, as Endpoint.parse gives it
    key = SecretField()
    key_changed_at = models.DateTimeField(default=timezone.now)
    key_changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    default_model = models.CharField(max_length=200, blank=True)  # deployment that a test calls
    created_at = models.DateTimeField(auto_now_add=True)
    checked_at = models.DateTimeField(null=True)
    check_ok = models.BooleanField(null=True)
    check_status = models.PositiveIntegerField(null=True)
    check_kind = models.CharField(max_length=40, blank=True)
    check_ms = models.FloatField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def parsed(self) -> Endpoint | None:
        """None when what is stored is no endpoint any more; the page then asks for it anew."""
        try:
            return Endpoint.parse(self.endpoint)
        except EndpointError:
            return None

    @property
    def host(self) -> str:
        return self.parsed.host if self.parsed else "unknown host"

    @property
    def label(self) -> str:
        return self.parsed.label if self.parsed else "Endpoint not recognised"

    @property
    def key_readable(self) -> bool:
        return not isinstance(self.key, Unreadable)

    @property
    def fingerprint(self) -> str:
        return self.key.fingerprint if isinstance(self.key, Secret) and self.key else ""

    def target(self) -> Target:
        """What the client needs. Raises KeyUnreadable, EndpointError."""
        if not isinstance(self.key, Secret):
            raise KeyUnreadable
        return Target(name=self.name, endpoint=Endpoint.parse(self.endpoint), key=self.key)

    def record_check(self, result: TestResult) -> None:
        self.checked_at, self.check_ok, self.check_status = timezone.now(), result.ok, result.status
        self.check_kind, self.check_ms = result.error.kind if result.error else "", result.latency_ms
        self.save(update_fields=["checked_at", "check_ok", "check_status", "check_kind", "check_ms"])
