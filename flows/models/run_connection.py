"""Which connections a run has called: what the list of runs filters by."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection, models

from flows.models.raw_sql import MOST_VALUES, table
from flows.models.run import Run

AT_ONCE = MOST_VALUES // 2  # rows


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
    pairs = sorted(called)
    with connection.cursor() as cursor:
        for some in (pairs[at : at + AT_ONCE] for at in range(0, len(pairs), AT_ONCE)):
            rows = ", ".join(["(%s, %s)"] * len(some))
            cursor.execute(
                f"WITH called (run_id, name) AS (VALUES {rows})"  # noqa: S608 - names of our own, values are bound
                f" INSERT INTO {table(RunConnection)} (run_id, name, created_at)"
                " SELECT run.id, called.name, run.created_at"
                f" FROM called JOIN {table(Run)} run ON run.id = called.run_id"
                " WHERE true ON CONFLICT DO NOTHING",
                [value for run, name in some for value in (run, name[:255])],
            )
