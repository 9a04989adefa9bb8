"""Literal secrets of flows, encrypted beside their documents."""

from __future__ import annotations

from django.db import models

from connections.fields import SecretField


class FlowSecret(models.Model):
    """A literal secret typed into a property; the document holds only `{"secret": key}`."""

    flow = models.ForeignKey("flows.Flow", on_delete=models.CASCADE, related_name="secrets")
    key = models.CharField(max_length=40)
    value = SecretField()

    secrets_known_by = "flow__name"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["flow", "key"], name="one_secret_a_key")]

    def __str__(self) -> str:
        return self.key
