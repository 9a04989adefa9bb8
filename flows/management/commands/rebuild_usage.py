"""`python manage.py rebuild_usage`: counts usage anew from the records of runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows.engine.call_counts import recount_usage, usage_differences
from foundryflow.audit.record import COMMAND, Subject, record


class Command(BaseCommand):
    help = (
        "Counts usage anew from the records of runs. The installation may go on meanwhile: calls wait with their end. "
        "What deleted flows have used, and runs that were deleted because of their age, stays as it was counted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say whether it is right")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            if wrong := usage_differences():
                raise CommandError(f"{wrong:,} rows of usage are not what records say. Run it without --check.")
            self.stdout.write("Usage is what records say.")
            return
        recount_usage()
        record(COMMAND, "counted anew", Subject("data", "usage"))
        self.stdout.write("Usage was counted anew.")
