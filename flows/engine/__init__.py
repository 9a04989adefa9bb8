"""Hands runs to the engine. Whoever starts or stops a run talks to this module and to nothing behind it."""

from __future__ import annotations

from flows.engine import embedded
from flows.models import Run


def submit(run: Run) -> None:
    """Call after the run is committed; returns at once."""
    embedded.submit(run.pk)


def cancel(run: Run, *, by: str) -> bool:
    """Stops the run wherever it is; false when it had ended already."""
    if not run.request_cancel(by=by):
        return False
    embedded.cancel(run.pk)
    return True
