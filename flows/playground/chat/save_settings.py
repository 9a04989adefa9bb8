"""Saves the settings that stand on the page, for the autosave and for whatever asks with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from flows.playground.chat.comparison import fill_columns
from flows.playground.chat.forms import SetupForm
from flows.playground.models import Session

SETTINGS = ("setup", "variables", "draft", "columns", "comparing")


@contextmanager
def change_settings(session: Session) -> Iterator[None]:
    """Locks the settings of a session while the block changes them, and saves them at its end."""
    with transaction.atomic():
        mine = Session.objects.select_for_update(of=("self",))
        session.refresh_from_db(fields=SETTINGS, from_queryset=mine)
        yield
        session.changed_at = timezone.now()
        session.save(update_fields=[*SETTINGS, "changed_at"])


def save_settings(session: Session, data: Mapping[str, Any]) -> tuple[SetupForm, dict[str, str]]:
    """Saves what was posted and understood; says what was not, by field."""
    form = SetupForm(data)
    with change_settings(session):
        form.fill_session(session)
        problems = {**form.problems(), **fill_columns(session, data)}
    return form, problems
