"""`python manage.py reset_two_factor NAME`: lets somebody in again who has neither their app nor a recovery code."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from foundryflow.accounts import person_with
from foundryflow.audit.record import COMMAND
from foundryflow.people.membership import reset_two_factor


class Command(BaseCommand):
    help = "Switches two-factor off for one person. Their password is asked for all the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the name or email that the person logs in with")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = person_with(name)
        if user is None:
            raise CommandError(f"Nobody here is called {name}.")
        if not reset_two_factor(user, COMMAND):
            self.stdout.write(f"{name} has no two-factor.")
            return
        self.stdout.write(f"Two-factor of {name} is off. The password alone lets them in until they set it up again.")
