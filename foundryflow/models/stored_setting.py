from __future__ import annotations

from typing import Any

from django.db import models


class StoredSettingManager(models.Manager["StoredSetting"]):
    def read(self, name: str) -> Any:
        """None when nothing was stored under the name."""
        return self.filter(pk=name).values_list("value", flat=True).first()

    def write(self, name: str, value: Any) -> None:
        self.update_or_create(pk=name, defaults={"value": value})


class StoredSetting(models.Model):
    """A value of the whole server: what administrators set in the browser, and what the server keeps for itself."""

    name = models.CharField(primary_key=True, max_length=60)
    value = models.JSONField(null=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = StoredSettingManager()

    def __str__(self) -> str:
        return self.name
