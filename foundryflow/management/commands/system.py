"""`python manage.py system`: what the System page says, as text; for reports and for monitoring."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from foundryflow.database.errors import MAY_BE_AWAY, is_expected, sentence_for_operators
from foundryflow.system.as_text import text_of
from foundryflow.system.notes import notes_of
from foundryflow.system.snapshot import take_snapshot


class Command(BaseCommand):
    help = "Says how the server is set up and whether it works. Status 1, with the worst, when it does not."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            snapshot = take_snapshot()
        except Exception as error:
            if not (isinstance(error, MAY_BE_AWAY) or is_expected(error)):
                raise
            raise CommandError(sentence_for_operators(error)) from None
        notes = notes_of(snapshot)
        self.stdout.write(text_of(snapshot, notes))
        if notes and notes[0].is_bad:
            raise CommandError(str(notes[0]))
