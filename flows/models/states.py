"""States of runs and actions."""

from __future__ import annotations

from django.db import models


class State(models.TextChoices):
    QUEUED = "queued"  # waits for a place
    RUNNING = "running"  # a process has claimed it
    WAITING = "waiting"  # for quota or a retry; goes on by itself
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # actions only: disabled, or a branch not taken


ENDED = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
EXECUTING = (State.RUNNING, State.WAITING)  # a process has them
LIVE = (State.QUEUED, State.RUNNING, State.WAITING)
