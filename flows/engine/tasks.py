"""The jobs of Procrastinate. The settings name this module to it; on SQLite nobody imports it."""

from __future__ import annotations

from procrastinate import JobContext
from procrastinate.contrib.django import app

STALLED = 15  # seconds without a sign of life of a worker of Procrastinate


async def look_at_queue() -> None:
    """Replaced by the worker of this process."""


@app.task(name="flows.execute")
async def execute(run_id: int) -> None:
    """There is a run in the queue. Which process executes it, the claim decides."""
    # Until then, so that Procrastinate does not fetch one by one what the claim clears away at once.
    await look_at_queue()


@app.periodic(cron="*/10 * * * * *")
@app.task(name="flows.rescue", queue="rescue", queueing_lock="rescue", pass_context=True)
async def rescue(context: JobContext, timestamp: int) -> None:
    """Hands on jobs whose worker is gone. Runs that nobody has are taken over by the pulse of any worker."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
        await manager.retry_job(job)
    await look_at_queue()
