"""`python manage.py simulator --port 8765`: the simulator alone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from connections.simulator.__main__ import serve


class Command(BaseCommand):
    help = "Answers like Microsoft Foundry, without a model."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.SIMULATOR_PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        serve(host, port)
