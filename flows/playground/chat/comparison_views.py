"""The buttons that compare columns, and the differences between their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from flows.playground.access import find_session
from flows.playground.audit import record_change
from flows.playground.chat import comparison
from flows.playground.chat.figures import column_figures
from flows.playground.chat.responses import redirect_to_session
from flows.playground.chat.save_settings import change_settings
from flows.playground.models import Session
from foundryflow.access import editor, reader
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, regions
from foundryflow.text_diff import DiffPiece, diff_words, html_of


@editor
@require_POST
def compare(request: Request, pk: int) -> HttpResponse:
    """Shows one column or several."""
    session = find_session(request, pk, change=True)
    with change_settings(session):
        comparison.toggle_comparison(session)
        record_change(request, session)
    return redirect_to_session(session)


@editor
@require_POST
def column(request: Request, pk: int, verb: str) -> HttpResponse:
    """Adds or removes a column, ties it to the settings on the left, makes a field the same for all."""
    session = find_session(request, pk, change=True)
    at = whole_number(request.POST.get("column"), 2) or 0
    verbs: dict[str, Callable[[], None]] = {
        "add": lambda: comparison.add_column(session),
        "remove": lambda: comparison.remove_column(session, at),
        "tie": lambda: comparison.toggle_tie(session, at),
        "lock": lambda: comparison.toggle_lock(session, request.POST.get("field", "")),
    }
    if verb not in verbs:
        raise Http404(f"There is no verb {verb!r}.")
    with change_settings(session):
        verbs[verb]()
        record_change(request, session)
    return redirect_to_session(session)


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
    left: Sequence[DiffPiece]
    right: Sequence[DiffPiece]

    @property
    def left_html(self) -> SafeString:
        return html_of(self.left, "<del>{}</del>")

    @property
    def right_html(self) -> SafeString:
        return html_of(self.right, "<ins>{}</ins>")


def differences_of(session: Session) -> list[Difference]:
    first, *others = column_figures(session, ())
    return [
        Difference(each.letter, *diff_words(first.answer.text, each.answer.text))
        for each in others
        if first.answer is not None and each.answer is not None
    ]
