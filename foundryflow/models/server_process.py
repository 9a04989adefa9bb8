from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models


class ServerProcess(models.Model):
    """A web process or a worker, and what it said of itself last; `foundryflow.system.processes` keeps and reads it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10)  # web, worker
    number = models.PositiveIntegerField()  # among its kind: worker-2
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    heard_at = models.DateTimeField()  # by the clock of the database, which is the same for all
    told_at = models.DateTimeField()  # the same moment by the clock of the process
    runs = models.PositiveIntegerField(default=0)  # that it executes
    memory = models.PositiveBigIntegerField(null=True)  # bytes; None where the system does not say
    handed_on = models.PositiveIntegerField(default=0)  # runs that others took over when it fell silent
    stopped_at = models.DateTimeField(null=True)  # in order

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "number"], name="one_process_a_name")]

    def __str__(self) -> str:
        return f"{self.kind}-{self.number}"

    @property
    def clock_error(self) -> timedelta:
        """How far its clock was ahead of that of the database."""
        return self.told_at - self.heard_at

    @property
    def seen_at(self) -> datetime:
        """When it ended in order, else when it was heard last."""
        return self.stopped_at or self.heard_at
