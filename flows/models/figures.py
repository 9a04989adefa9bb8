"""Figures of runs by the hour, and the groups that a search of runs goes through."""

from __future__ import annotations

from django.db import models


class RunGroup(models.Model):
    """That there have been runs of this flow, started by this person in this way. Kept by triggers (`triggers.py`).

    Not unique: processes that saw the first run of a group at the same time need not wait for each other.
    """

    flow = models.ForeignKey(
        "flows.Flow", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    started_by = models.BigIntegerField()  # key of the person; 0 is nobody
    via = models.CharField(max_length=40)

    class Meta:
        indexes = [models.Index(fields=["flow", "started_by", "via"], name="groups_of_runs")]

    def __str__(self) -> str:
        return f"{self.flow_id} by {self.started_by} via {self.via}"


class HourlyFigures(models.Model):
    """Runs of a flow that were started in this hour and have ended. Kept by triggers (`triggers.py`).

    Several rows add up: on PostgreSQL each connection counts in its own, so that none waits for another.
    """

    flow = models.ForeignKey(
        "flows.Flow", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    hour = models.IntegerField()  # since 1970; 0 holds the sum of all
    slot = models.IntegerField()  # process of the connection that counted; 0 on SQLite
    succeeded = models.BigIntegerField()
    failed = models.BigIntegerField()
    cancelled = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["hour", "flow"], name="figures_by_hour")]
        constraints = [models.UniqueConstraint(fields=["flow", "hour", "slot"], name="one_figure_an_hour")]

    def __str__(self) -> str:
        return f"{self.flow_id} in hour {self.hour}"
