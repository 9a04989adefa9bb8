"""`python manage.py worker`: executes runs of an installation on PostgreSQL, beside any number of others."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from foundryflow.management.keyed import KeyedCommand


class Command(KeyedCommand):
    help = "Executes runs. Needs PostgreSQL; on SQLite the server executes them itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=settings.RUN_CONCURRENCY, help="runs at the same time")

    def handle(self, *args: Any, concurrency: int, **options: Any) -> None:
        if not settings.POSTGRESQL:
            raise CommandError("Workers need PostgreSQL: set DATABASE_URL. On SQLite the server executes the runs.")
        if concurrency < 1:
            raise CommandError("--concurrency is at least 1.")
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database is not as this version needs it: run `python manage.py migrate` first.")
        connection.close()  # the engine has its own
        from flows.engine import distributed

        self.stdout.write(f"The worker executes up to {concurrency} runs at the same time. Ctrl C stops it.")
        self.stdout.flush()
        asyncio.run(distributed.work(concurrency))
