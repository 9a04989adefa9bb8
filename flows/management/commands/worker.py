"""`python manage.py worker`: executes runs of an installation on PostgreSQL, beside any number of others."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from foundryflow.database.errors import MAY_BE_AWAY, MIGRATE, is_away, sentence_for_operators
from foundryflow.database.threads import giving_connection_back
from foundryflow.management.key_checks import add_without_secrets, check_keys

AGAIN = 5.0  # seconds between two tries to reach the database


class Command(BaseCommand):
    help = "Executes runs. Needs PostgreSQL; on SQLite the server executes them itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=settings.RUN_CONCURRENCY, help="runs at the same time")
        add_without_secrets(parser)

    def handle(self, *args: Any, concurrency: int, without_secrets: bool, **options: Any) -> None:
        settings.WITHOUT_SECRETS = without_secrets
        if not settings.POSTGRESQL:
            raise CommandError("Workers need PostgreSQL: set DATABASE_URL. On SQLite the server executes the runs.")
        if concurrency < 1:
            raise CommandError("--concurrency is at least 1.")
        self.wait_for_database()
        check_keys()
        from flows.engine import distributed

        self.stdout.write(f"The worker executes up to {concurrency} runs at the same time. Ctrl C stops it.")
        self.stdout.flush()
        try:
            uvloop.run(distributed.work(concurrency))
        except distributed.PartEnded as error:
            raise CommandError(str(error)) from error

    def wait_for_database(self) -> None:
        """As long as it takes: workers often start beside their database. Says so."""
        while True:
            try:
                migrated = is_migrated()
                break
            except MAY_BE_AWAY as error:
                if not is_away(error):
                    raise
                self.stderr.write(f"{sentence_for_operators(error)} The worker tries again every {AGAIN:.0f} s.")
                connection.close()
            time.sleep(AGAIN)
        if not migrated:
            raise CommandError(MIGRATE)


@giving_connection_back
def is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
