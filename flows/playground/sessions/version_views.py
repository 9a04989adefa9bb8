"""Versions of a session: list, save, compare, take back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.playground import versions
from flows.playground.access import find_session
from flows.playground.audit import record_session
from flows.playground.models import Session, Version
from flows.playground.sessions.contexts import CURRENT, VersionComparison, version_rows
from flows.playground.sessions.forms import VersionNoteForm
from foundryflow.access import editor, reader
from foundryflow.http import Request, whole_number
from foundryflow.names import may_change
from foundryflow.regions import page

ROWS = 50


@reader
@require_http_methods(["GET", "POST"])
def version_list(request: Request, pk: int) -> HttpResponse:
    """A POST saves what is set, with a note."""
    session = find_session(request, pk, change=request.method == "POST")
    form = VersionNoteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            version = versions.save_version(session, request.user, form.cleaned_data["note"])
            record_session(request, f"saved version {version.number} of", session)
        messages.info(request, f"Version {version.number} is saved.")
        return redirect("playground:versions", pk)
    context = list_context(request, session, form)
    return page(request, "playground_sessions/versions.html", context, status=422 if request.method == "POST" else 200)


def list_context(request: Request, session: Session, form: VersionNoteForm) -> dict[str, Any]:
    found = session.versions.select_related("created_by")
    shown = Paginator(found, ROWS).get_page(request.GET.get("page"))
    return {
        "session": session,
        "mine": may_change(request.user, session),
        "form": form,
        "rows": version_rows(session, list(shown)),
        "page": shown,
    }


@reader
@require_GET
def version(request: Request, pk: int, number: int) -> HttpResponse:
    """One version beside another (?against=2), beside what is set now (?against=current), or beside the one before."""
    session = find_session(request, pk)
    shown = version_of(session, number)
    against = request.GET.get("against", "")
    other: Version | Session | None = session if against == CURRENT else earlier(shown, against)
    context = {
        "session": session,
        "mine": may_change(request.user, session),
        "version": shown,
        "is_set": versions.has_same_settings(shown, session),
        "comparison": VersionComparison.of(other, shown),
        "others": session.versions.exclude(number=number).values_list("number", "note")[:ROWS],
    }
    return page(request, "playground_sessions/version.html", context)


@editor
@require_POST
def restore(request: Request, pk: int, number: int) -> HttpResponse:
    session = find_session(request, pk, change=True)
    with transaction.atomic():
        restored = versions.restore_version(session, version_of(session, number), by=request.user)
        if restored:
            record_session(request, f"restored version {number} of", session)
    words = "is set again; what was set before is a version, too" if restored else "is what is set already"
    messages.info(request, f"Version {number} {words}.")
    return redirect("playground:versions", pk)


def version_of(session: Session, number: int) -> Version:
    found = session.versions.select_related("created_by").filter(number=number).first()
    if found is None:
        raise Http404(f"This session has no version {number}.")
    return found


def earlier(shown: Version, against: str) -> Version | None:
    """The version to compare with. None when there is none before the first."""
    if (number := whole_number(against, 9)) is not None:
        return version_of(shown.session, number)
    return shown.session.versions.filter(number__lt=shown.number).first()
