"""Prices that people have typed."""

from __future__ import annotations

from django.db import models


class ModelPrice(models.Model):
    """What a million tokens of a model cost. Nobody knows but the person who typed it."""

    pattern = models.CharField(max_length=200, unique=True)  # name of a model or deployment, * stands for anything
    input = models.DecimalField(max_digits=12, decimal_places=4)
    cached_input = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    cache_write = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    output = models.DecimalField(max_digits=12, decimal_places=4)
    currency = models.CharField(max_length=3, default="USD")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "playground"  # whose table it is
        ordering = ["pattern"]

    def __str__(self) -> str:
        return self.pattern
