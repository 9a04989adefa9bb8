"""Versions of the settings of a session: saved when they are used, compared, restored."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from flows.playground.changes import SettingsState, changes_between
from flows.playground.models import Session, Version

LONGEST_NOTE = 200


@transaction.atomic
def save_version(session: Session, by: User, note: str = "", *, prompt: str | None = None) -> Version:
    """The version with the settings of the session: a new one, or the newest when nothing has changed since.

    `prompt` is the question they are used for, else what is being typed. A note goes to the newest version when
    that has the same settings and no note yet.
    """
    Session.objects.select_for_update(of=("self",)).filter(pk=session.pk).values_list("pk").get()
    newest = session.versions.first()
    if newest is not None and has_same_settings(newest, session):
        if note in ("", newest.note):
            return newest
        if not newest.note:
            newest.note = note[:LONGEST_NOTE]
            newest.save(update_fields=["note"])
            return newest
    return session.versions.create(
        number=newest.number + 1 if newest else 1,
        setup=session.setup,
        columns=session.columns,
        prompt=session.draft if prompt is None else prompt,
        note=note[:LONGEST_NOTE],
        created_by=by,
    )


@transaction.atomic
def restore_version(session: Session, version: Version, *, by: User) -> bool:
    """Makes the settings of a version those of the session; what was set is kept first. False when they are set.

    Its prompt becomes the draft where nothing is being typed.
    """
    if has_same_settings(version, session):
        return False
    save_version(session, by)
    session.setup, session.columns = version.setup, version.columns
    session.draft, session.changed_at = session.draft or version.prompt, timezone.now()
    session.save(update_fields=["setup", "columns", "draft", "changed_at"])
    save_version(session, by, f"Version {version.number} restored")
    return True


def has_same_settings(one: Version | Session, other: Version | Session) -> bool:
    return not changes_between(settings_of(one), settings_of(other))


def settings_of(holder: Version | Session) -> SettingsState:
    """Without prompts: every question is another one, so they do not make a version."""
    columns = [{name: value for name, value in column.items() if name != "prompt"} for column in holder.columns]
    return SettingsState(holder.setup, columns)


def state_of(holder: Version | Session) -> SettingsState:
    return SettingsState(holder.setup, holder.columns, holder.draft if isinstance(holder, Session) else holder.prompt)
