"""What is kept of each action of a run: its record, its lines in the log, and how to go on behind it."""

from __future__ import annotations

from django.db import models

from connections.fields import SecretField
from connections.secret import Secret
from flows.models.states import State

TAKEN_OVER = "taken over from run "  # begins the reason of a record that another run has made


class CheckpointManager(models.Manager["Checkpoint"]):
    def erase_secrets(self, run_id: int) -> None:
        self.filter(run_id=run_id, sealed__isnull=False).delete()


class Checkpoint(models.Model):
    """How a path ended, or what it noted, for whoever goes on with the run. With a secret in it, encrypted."""

    run = models.ForeignKey("flows.Run", on_delete=models.CASCADE, related_name="checkpoints")
    path = models.CharField(max_length=500)
    note = models.BooleanField(default=False)
    plain = models.TextField(blank=True)
    sealed = SecretField(null=True)  # erased when the run ends

    objects = CheckpointManager()
    secrets_known_by = "run__flow__name"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "path", "note"], name="one_checkpoint_a_path")]

    def __str__(self) -> str:
        return self.path

    def seal(self) -> None:
        """Keeps it encrypted from now on."""
        self.plain, self.sealed = "", Secret(self.plain)

    @property
    def text(self) -> str:
        """Raises KeyUnreadable."""
        return self.sealed.reveal() if self.sealed else self.plain


class ActionRun(models.Model):
    """One execution of one action: the durable record of its outcome, as people may see it."""

    run = models.ForeignKey("flows.Run", on_delete=models.CASCADE, related_name="actions", db_index=False)
    path = models.CharField(max_length=500)  # "chat", "each[3]/chat"
    action_id = models.CharField(max_length=100)
    type = models.CharField(max_length=100)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State.choices)
    event = models.PositiveIntegerField()  # number of the record that changed this row last
    order = models.PositiveIntegerField()  # number of the record that created it
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    inputs = models.JSONField(default=dict)
    output = models.JSONField(null=True)
    variables = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    usage = models.JSONField(null=True)  # {prompt_tokens, completion_tokens, ...}; of a container: of all inside
    warning = models.CharField(max_length=500, blank=True)
    error = models.JSONField(null=True)
    reason = models.CharField(max_length=500, blank=True)  # why it was skipped, or what it waits for
    waits_until = models.DateTimeField(null=True)
    text = models.TextField(blank=True)  # what had been streamed when it ended early
    refused = models.JSONField(null=True)  # tries that were, as RefusedTry writes them; None: none

    class Meta:
        ordering = ["order"]
        indexes = [models.Index(fields=["run", "order"], name="steps_in_order")]
        constraints = [models.UniqueConstraint(fields=["run", "path"], name="one_record_a_path")]

    def __str__(self) -> str:
        return self.path

    @property
    def milliseconds(self) -> float | None:
        """Duration in ms once ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds() * 1000


class LogEntry(models.Model):
    """One line of the execution log."""

    run = models.ForeignKey("flows.Run", on_delete=models.CASCADE, related_name="log", db_index=False)
    event = models.PositiveIntegerField()
    at = models.DateTimeField()
    path = models.CharField(max_length=500, blank=True)
    level = models.CharField(max_length=10)  # debug, info, warning, error
    message = models.TextField()

    class Meta:
        ordering = ["event"]
        indexes = [models.Index(fields=["run", "event"], name="lines_in_order")]

    def __str__(self) -> str:
        return self.message
