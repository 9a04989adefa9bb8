"""How much of its flow a run was to execute, where that is not all of it."""

from __future__ import annotations

from flows.interpreter.runner import title_of
from flows.language.document import DocumentError
from flows.models import Run


def extent_of(run: Run) -> str:
    """ "up to Answer", or "Answer alone", with the values of another run; empty where it goes to its end."""
    if not run.until:
        return ""
    action_id = run.until.rpartition("/")[2]
    try:
        action = run.revision.parsed().find(action_id)
    except DocumentError:
        action = None
    title = title_of(action) if action else action_id
    return f"{title} alone" if run.origin_id else f"up to {title}"
