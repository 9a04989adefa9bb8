"""What people read of a run whose process died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flows.interpreter.suspicion import sentence_of
from flows.models import Run, State, Suspect


@dataclass(frozen=True)
class CrashNotice:
    """How often its process died and where, and what follows."""

    sentence: str
    company: str = ""  # what may go with it, if it is a suspect
    next_try: datetime | None = None  # while it waits for it


def crash_notice(run: Run) -> CrashNotice | None:
    """None when the run has ended, or has got on since its process died."""
    if run.ended or not run.crashes:
        return None
    suspect = Suspect.objects.filter(run=run).first()
    sentence = sentence_of(run.crashes, run.crash_path, suspect.alone if suspect else None)
    if suspect is None:
        return CrashNotice(sentence)
    if run.state == State.QUEUED:
        return CrashNotice(sentence, company_words(suspect.company), suspect.not_before)
    return CrashNotice(sentence, company_words(suspect.tried_with) if suspect.tried_with else "")


def company_words(company: int) -> str:
    return f"at most {company - 1} others that died as often" if company > 1 else "nothing beside it"
