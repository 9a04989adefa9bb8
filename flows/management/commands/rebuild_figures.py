"""`python manage.py rebuild_figures`: counts the hourly figures of runs anew."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows.models import triggers
from foundryflow.audit.record import COMMAND, Subject, record


class Command(BaseCommand):
    help = "Counts the hourly figures of runs anew. The installation may go on meanwhile: runs wait with their end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether they are right")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            wrong = triggers.differences()
            if wrong:
                raise CommandError(f"{wrong:,} figures are not what runs say. Run it without --check.")
            self.stdout.write("The figures are what runs say.")
            return
        triggers.install()
        triggers.rebuild()
        record(COMMAND, "counted anew", Subject("data", "figures of runs"))
        self.stdout.write("The figures were counted anew.")
