from __future__ import annotations

from django.db import models
from django.utils import timezone


class Attempt(models.Model):
    """An attempt to get in, under each key that it is counted by; `sign_in.attempts` keeps it for an hour."""

    key = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    wrong = models.BooleanField(default=False)  # false until it is judged

    class Meta:
        indexes = [models.Index(fields=["key", "at"], name="attempt_by_key")]

    def __str__(self) -> str:
        return self.key
