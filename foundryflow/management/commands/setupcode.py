"""`python manage.py setupcode`: prints the code that the set-up page of an empty installation asks for."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from foundryflow.sign_in.setup_code import setup_code


class Command(BaseCommand):
    help = "Prints the code that creates the first administrator."

    def handle(self, *args: Any, **options: Any) -> None:
        if get_user_model().objects.exists():
            raise CommandError("This server is set up. `createsuperuser` adds another administrator.")
        self.stdout.write(setup_code())
