"""Batches: a table of variables x one to three variants of a prompt, each answer a run of a flow of their own."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from flows.batch.checks import MOST_CHECKS
from flows.models import Flow, Run, State
from flows.playground.models import Session
from flows.playground.setup import LETTERS


class CellState(models.TextChoices):
    NEW = "new"  # has no run yet
    QUEUED = State.QUEUED
    RUNNING = State.RUNNING
    WAITING = State.WAITING
    SUCCEEDED = State.SUCCEEDED
    FAILED = State.FAILED
    CANCELLED = State.CANCELLED


class BatchManager(models.Manager["Batch"]):
    def visible_to(self, user: User) -> models.QuerySet[Batch]:
        """One's own and those that others share."""
        return self.filter(Q(owner=user) | Q(shared=True))


class Batch(models.Model):
    name = models.CharField(max_length=200)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="batches")
    shared = models.BooleanField(default=False)  # others of the installation may look
    flow = models.OneToOneField(Flow, on_delete=models.CASCADE, related_name="batch")
    session = models.ForeignKey(Session, null=True, on_delete=models.SET_NULL, related_name="batches")  # made from
    variants = models.JSONField()  # Variant.to_json() of each
    columns = models.JSONField()  # of the table, by name
    checks = models.JSONField(default=list)  # as checks.parse reads them
    concurrency = models.PositiveSmallIntegerField()  # calls at the same time
    changes = models.PositiveIntegerField(default=0)  # counted whenever cells change
    created_at = models.DateTimeField(auto_now_add=True)
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.CharField(max_length=150, blank=True)

    objects = BatchManager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["owner", "-id"])]

    def __str__(self) -> str:
        return self.name


class Row(models.Model):
    """One row of the table."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    variables = models.JSONField()  # values by column

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="one_row_a_number")]

    def __str__(self) -> str:
        return f"{self.batch_id} row {self.number}"


class Cell(models.Model):
    """What one variant answered to one row, collected from its run once that has ended."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="cells")
    row = models.ForeignKey(Row, on_delete=models.CASCADE, related_name="cells")
    variant = models.PositiveSmallIntegerField()
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="batch_cells")
    state = models.CharField(max_length=12, choices=CellState, default=CellState.NEW)
    change = models.PositiveIntegerField(default=0)  # value of Batch.changes when it changed last
    text = models.TextField(blank=True)
    facts = models.JSONField(default=dict)  # of the call, as ActionRun.facts has them, without prompt and raw answer
    usage = models.JSONField(null=True)
    warning = models.CharField(max_length=500, blank=True)
    error = models.JSONField(null=True)
    verdicts = models.JSONField(default=list)  # one for each check: {passed, reason} and what a judge used
    marks = models.CharField(max_length=MOST_CHECKS, blank=True)  # the same in a letter each, for counting
    model = models.CharField(max_length=200, blank=True)  # that answered
    first_token_ms = models.FloatField(null=True)
    total_ms = models.FloatField(null=True)
    prompt_tokens = models.PositiveIntegerField(null=True)
    cached_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["row__number", "variant"]
        indexes = [models.Index(fields=["state", "batch"]), models.Index(fields=["batch", "change"])]
        constraints = [models.UniqueConstraint(fields=["row", "variant"], name="one_cell_a_variant")]

    def __str__(self) -> str:
        return f"{self.row_id} {LETTERS[self.variant]}"
