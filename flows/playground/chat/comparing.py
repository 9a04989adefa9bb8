"""Columns side by side: which there are, what is the same for all, and how their answers differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from flows.playground.access import find_session
from flows.playground.chat import columns
from flows.playground.chat.answers import back
from flows.playground.chat.saving import changing
from flows.playground.chat.spread import figures_of
from flows.playground.diff import Piece, words
from flows.playground.models import Session
from foundryflow.access import editor, reader
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, regions


@editor
@require_POST
def compare(request: Request, pk: int) -> HttpResponse:
    """Shows one column or several."""
    session = find_session(request, pk, change=True)
    with changing(session):
        columns.toggle(session)
    return back(session)


@editor
@require_POST
def column(request: Request, pk: int, verb: str) -> HttpResponse:
    """Adds or removes a column, ties it to the settings on the left, makes a field the same for all."""
    session = find_session(request, pk, change=True)
    at = whole_number(request.POST.get("column"), 2) or 0
    verbs: dict[str, Callable[[], None]] = {
        "add": lambda: columns.add(session),
        "remove": lambda: columns.remove(session, at),
        "tie": lambda: columns.tie(session, at),
        "lock": lambda: columns.lock(session, request.POST.get("field", "")),
    }
    if verb not in verbs:
        raise Http404(f"There is no verb {verb!r}.")
    with changing(session):
        verbs[verb]()
    return back(session)


@reader
@require_GET
def differences(request: Request, pk: int) -> HttpResponse:
    """The newest answers against that of the first column, word by word; with ?hide nothing."""
    session = find_session(request, pk)
    shown = "hide" not in request.GET
    context = {"session": session, "shown": shown, "differences": differences_of(session) if shown else []}
    return regions(request, Region("playground/_differences.html", "differences", context))


@dataclass(frozen=True)
class Difference:
    """The newest answer of a column beside that of the first, each with what the other has not."""

    letter: str
    left: Sequence[Piece]
    right: Sequence[Piece]


def differences_of(session: Session) -> list[Difference]:
    first, *others = figures_of(session, ())
    return [
        Difference(each.letter, *words(first.answer.text, each.answer.text))
        for each in others
        if first.answer is not None and each.answer is not None
    ]
