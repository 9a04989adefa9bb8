"""What stands on the page, taken over into the session: by saving, and by whatever asks with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from flows.playground.chat.columns import save_columns
from flows.playground.chat.forms import SetupForm
from flows.playground.models import Session

SETTINGS = ("setup", "variables", "draft", "columns", "comparing")


@contextmanager
def changing(session: Session) -> Iterator[None]:
    """Nobody else changes the settings meanwhile; they are saved at the end."""
    with transaction.atomic():
        mine = Session.objects.select_for_update(of=("self",))
        session.refresh_from_db(fields=SETTINGS, from_queryset=mine)
        yield
        session.changed_at = timezone.now()
        session.save(update_fields=[*SETTINGS, "changed_at"])


def take_over(session: Session, data: Mapping[str, Any]) -> tuple[SetupForm, dict[str, str]]:
    """Saves what was posted and understood; says what was not, by field."""
    form = SetupForm(data)
    with changing(session):
        form.fill(session)
        problems = {**form.problems(), **save_columns(session, data)}
    return form, problems
