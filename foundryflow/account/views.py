"""The own page: name, email, password, sessions and appearance. For everybody who is signed in."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from foundryflow.access import reader
from foundryflow.account.name import NameForm
from foundryflow.account.page import password_sheet, sessions_response, whole_page
from foundryflow.account.password import PasswordForm, change_password, hint_of
from foundryflow.account.provider import has_password, provider_name_of
from foundryflow.account.sessions import end_session, end_sessions
from foundryflow.accounts import oneself
from foundryflow.audit.record import origin_of, record
from foundryflow.forms import LONGEST_PASSWORD
from foundryflow.http import Request, form_data
from foundryflow.models import Account
from foundryflow.models.account import THEMES


@reader
@require_safe
def show(request: Request) -> HttpResponse:
    return whole_page(request)


@reader
@require_POST
def change_name(request: Request) -> HttpResponse:
    form = NameForm(request, provider_name_of(request.user), form_data(request))
    if not (form.is_valid() and form.save()):
        return whole_page(request, status=form.status, name=form)
    messages.info(request, "Saved.")
    return redirect("account:show")


@reader
@require_http_methods(["GET", "HEAD", "POST"])
def change_own_password(request: Request) -> HttpResponse:
    """The same page, begun at the password; or its change."""
    check_has_password(request)
    if request.method != "POST":
        return whole_page(request, password=password_sheet(request, is_chosen=True))
    form = PasswordForm(request, request.POST)  # exactly as it was typed
    if not form.is_valid():
        return whole_page(request, status=form.status, password=password_sheet(request, form))
    change_password(form)
    messages.info(request, "The password is changed. Everywhere else you are signed out.")
    return redirect("account:show")


@reader
@require_POST
def password_hint(request: Request) -> HttpResponse:
    """Of a password that is being typed: it comes in the body, so that no log of addresses holds it."""
    typed = request.POST.get("new_password1", "")[: LONGEST_PASSWORD + 1]
    response = render(request, "account/_password_hint.html", {"hint": hint_of(typed, request.user)})
    response.headers["Cache-Control"] = "no-store"
    return response


def check_has_password(request: Request) -> None:
    if not has_password(request.user):
        raise Http404("You have no password on this server.")


@reader
@require_POST
def sign_out(request: Request, pk: int) -> HttpResponse:
    """Ends one session elsewhere; this one ends by logging out."""
    if is_this_one(request, pk):
        messages.info(request, "This is the session you are in. Log out from the menu at the top.")
        return sessions_response(request, status=422)
    with transaction.atomic():
        ended = end_session(request.user, pk)
        if ended:
            record(origin_of(request), "signed out elsewhere", oneself(request.user), f"in {ended.browser}")
    messages.info(request, f"{ended.browser} is signed out." if ended else "That session was over already.")
    return sessions_response(request)


@reader
@require_POST
def sign_out_elsewhere(request: Request) -> HttpResponse:
    with transaction.atomic():
        count = end_sessions(request.user, but=request.session.session_key)
        if count:
            sessions = f"in {count} session{'' if count == 1 else 's'}"
            record(origin_of(request), "signed out elsewhere", oneself(request.user), sessions)
    messages.info(request, "You are signed out everywhere else." if count else "You were signed in nowhere else.")
    return sessions_response(request)


def is_this_one(request: Request, pk: int) -> bool:
    key = request.session.session_key
    return bool(UserSession.objects.filter(pk=pk, user=request.user, session_key=key).exists())


@reader
@require_POST
def change_theme(request: Request) -> HttpResponse:
    """Kept on the account, so that it is there on the next machine, too."""
    chosen = request.POST.get("theme", "")
    if chosen not in dict(THEMES):
        raise Http404("There is no such theme.")
    account = request.user.account
    if account.theme != chosen:
        with transaction.atomic():
            Account.objects.filter(pk=account.pk).update(theme=chosen)
            record(origin_of(request), "changed own theme", oneself(request.user), f"to {chosen}")
    return HttpResponse(status=204) if request.htmx else redirect("account:show")
