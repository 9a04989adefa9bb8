"""Which connections a run has called: what the list of runs filters by."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models

from flows.models.raw import execute_many, table
from flows.models.run import Run


class RunConnection(models.Model):
    """That a run has called a model by the connection of this name, with the run's place in the order of time."""

    run = models.ForeignKey("flows.Run", on_delete=models.CASCADE, db_index=False, related_name="connections")
    name = models.CharField(max_length=255)
    created_at = models.DateTimeField()  # of the run

    class Meta:
        indexes = [models.Index(fields=["name", "created_at", "run"], name="runs_by_connection")]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="one_connection_a_run")]

    def __str__(self) -> str:
        return f"{self.name} in run {self.run_id}"


def note_connections(called: Collection[tuple[int, str]]) -> None:
    """Runs with the names of connections that they have called; those that are known already do no harm."""
    execute_many(
        f"INSERT INTO {table(RunConnection)} (run_id, name, created_at)"  # noqa: S608 - names of our own, values are bound
        f" SELECT id, %s, created_at FROM {table(Run)} WHERE id = %s ON CONFLICT DO NOTHING",
        [(name[:255], run) for run, name in called],
    )
