from __future__ import annotations

from django.db import models


class KeyCanary(models.Model):
    """A text sealed with a key that was the first of the ring; `encryption.keys` opens it at every start."""

    number = models.PositiveIntegerField(primary_key=True)
    fingerprint = models.CharField(max_length=8, unique=True)  # of the key
    sealed = models.CharField(max_length=200)
    sealed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.fingerprint
