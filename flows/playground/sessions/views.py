"""Sessions as a whole: list, rename, share, fork, export, import, delete."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.playground.access import find_session
from flows.playground.audit import record_session, session_subject
from flows.playground.models import Session
from flows.playground.sessions import lifecycle, transfer
from flows.playground.sessions.contexts import session_rows
from flows.playground.sessions.forms import SessionImportForm, SessionNameForm
from flows.playground.sessions.queries import FILTERS, live_runs, search_sessions, search_words
from flows.playground.sessions.session_file import LARGEST, SessionFileError
from foundryflow.access import editor, reader
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request
from foundryflow.regions import page

ROWS = 50


@reader
@require_GET
def session_list(request: Request) -> HttpResponse:
    shown = Paginator(search_sessions(request.user, request.GET), ROWS).get_page(request.GET.get("page"))
    words = search_words(request.GET)
    context = {
        "rows": session_rows(shown, request.user, words),
        "page": shown,
        "words": words,
        "show": request.GET.get("show", ""),
        "choices": FILTERS.items(),
    }
    return page(request, "playground_sessions/list.html", context)


@editor
@require_http_methods(["GET", "POST"])
def rename(request: Request, pk: int) -> HttpResponse:
    session = find_session(request, pk, change=True)
    form = SessionNameForm(request.POST or None, initial={"name": session.name})
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            Session.objects.filter(pk=pk).update(name=form.cleaned_data["name"])
            record_session(request, "renamed", session)
        return redirect_back(request, session)
    context = {"form": form, "session": session, "next": request.POST.get("next") or request.GET.get("next", "")}
    return page(request, "playground_sessions/rename.html", context, status=422 if request.method == "POST" else 200)


@editor
@require_POST
def share(request: Request, pk: int) -> HttpResponse:
    """Lets others look and fork (shared=1), or no longer."""
    session = find_session(request, pk, change=True)
    shared = request.POST.get("shared") == "1"
    with transaction.atomic():
        Session.objects.filter(pk=pk).update(shared=shared)
        record_session(request, "shared" if shared else "made private", session)
    words = "is shared: everybody who can sign in here may look at it and fork it" if shared else "is private again"
    messages.info(request, f"{session.name} {words}.")
    return redirect_back(request, session)


@editor
@require_POST
def fork(request: Request, pk: int) -> HttpResponse:
    session = find_session(request, pk)
    with transaction.atomic():
        forked = lifecycle.fork_session(session, by=request.user)
        record_session(request, "created", forked, f"as a fork of session {pk}")
    return redirect("playground:show", forked.pk)


@reader
@require_GET
def export(request: Request, pk: int) -> HttpResponse:
    session = find_session(request, pk)
    name = slugify(session.name)[:80] or f"session-{pk}"
    record_session(request, "exported", session, "as JSON")
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return HttpResponse(transfer.export_session(session), content_type="application/json", headers=headers)


@editor
@require_http_methods(["GET", "POST"])
def import_file(request: Request) -> HttpResponse:
    if request.method == "GET":
        return page(request, "playground_sessions/import.html", {"form": SessionImportForm()})
    form = SessionImportForm(request.POST, request.FILES)
    problems: list[str] = []
    if form.is_valid():
        try:
            with transaction.atomic():
                session = transfer.import_session(form.cleaned_data["file"].read(LARGEST + 1), by=request.user)
                record_session(request, "imported", session)
        except SessionFileError as error:
            problems = error.problems
        else:
            messages.info(request, f"{session.name} was imported.")
            return redirect("playground:show", session.pk)
    return page(request, "playground_sessions/import.html", {"form": form, "problems": problems}, status=422)


@editor
@require_http_methods(["GET", "POST"])
def delete(request: Request, pk: int) -> HttpResponse:
    """Asks first, whoever posts; refuses while a call is going."""
    session = find_session(request, pk, change=True)
    sure = request.method == "POST" and "sure" in request.POST
    if sure and delete_and_record(request, session):
        messages.info(request, f"{session.name} was deleted with its runs.")
        return redirect("playground:sessions")
    context = {"session": session, "turns": session.turns.count(), "live": live_runs(session).count()}
    return page(request, "playground_sessions/delete.html", context, status=409 if sure else 200)


@transaction.atomic
def delete_and_record(request: Request, session: Session) -> bool:
    """False while a call is going."""
    subject = session_subject(session)
    if not lifecycle.delete_session(session):
        return False
    record(origin_of(request), "deleted", subject, "with its runs")
    return True


def redirect_back(request: Request, session: Session) -> HttpResponse:
    """To the page that asked, else to the session."""
    address = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return HttpResponseRedirect(address)
    return redirect("playground:show", session.pk)
