"""What the pages of sessions and versions show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from flows.playground.changes import SettingChange, SettingsState, changes_between
from flows.playground.models import Session, Version
from flows.playground.sessions.queries import BEFORE, EXCERPT, turns_by_session
from flows.playground.versions import settings_of, state_of
from foundryflow.names import may_change, name_of

CURRENT = "current"  # stands for the settings as they are now


@dataclass(frozen=True)
class SessionRow:
    session: Session
    turns: int
    mine: bool
    excerpt: str  # where the words of a search were found

    @property
    def owner(self) -> str:
        return name_of(self.session.owner)


def session_rows(sessions: Iterable[Session], user: User, words: str) -> list[SessionRow]:
    """Rows of the list in two queries, however many sessions."""
    shown = list(sessions)
    turns = turns_by_session(shown)
    return [
        SessionRow(session, turns.get(session.pk, 0), may_change(user, session), excerpt_of(session, words))
        for session in shown
    ]


def excerpt_of(session: Session, words: str) -> str:
    part = getattr(session, "in_question", None) or getattr(session, "in_answer", None) or ""
    begins = "…" * (part.lower().find(words.lower()) >= BEFORE)
    return begins + " ".join(part.split()) + "…" * (len(part) == EXCERPT)


@dataclass(frozen=True)
class VersionRow:
    version: Version
    changed: list[str]  # since the version before
    current: bool

    @property
    def by(self) -> str:
        return name_of(self.version.created_by)


def version_rows(session: Session, versions: Sequence[Version]) -> list[VersionRow]:
    """Rows with what each changed, in one query more. Every question is another prompt, so that does not count."""
    oldest = min((version.number for version in versions), default=0)
    states = {each.number: settings_of(each) for each in (*versions, *session.versions.filter(number=oldest - 1))}
    now = settings_of(session)
    return [
        VersionRow(
            version,
            parts_of(changes_between(states.get(version.number - 1, SettingsState()), states[version.number])),
            not changes_between(states[version.number], now),
        )
        for version in versions
    ]


def parts_of(changed: Iterable[SettingChange]) -> list[str]:
    """What changed in few words: a column or an example as a whole."""
    return list(dict.fromkeys(change.label.split(",")[0] for change in changed))


@dataclass(frozen=True)
class VersionComparison:
    """What a version changes of another one, or of what is set now."""

    against: int | str  # number of a version, or CURRENT
    by: str
    changes: list[SettingChange]

    @classmethod
    def of(cls, other: Version | Session | None, version: Version) -> VersionComparison:
        against = CURRENT if isinstance(other, Session) else other.number if other else 0
        before = state_of(other) if other else SettingsState()
        return cls(against, name_of(version.created_by), changes_between(before, state_of(version)))
