"""Setting up, replacing and turning off the second factor. All of it lies below one address, which the log-in lets
somebody reach who has to set it up first."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from foundryflow.access import View, reader
from foundryflow.account import two_factor
from foundryflow.account.confirmation import PersonForm, is_fresh, note_confirmation
from foundryflow.account.page import two_factor_response
from foundryflow.account.provider import has_password
from foundryflow.accounts import oneself
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request

EXPIRED = "That took longer than ten minutes. Scan the new code."


def after_confirmation(deed: str) -> Callable[[View], View]:
    """Asks who it is first, when the sign-in is some minutes old; the same address takes the answer."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: Request) -> Any:
            if is_fresh(request):
                return view(request)
            authenticators = two_factor.authenticators_of(request.user)
            if not authenticators:
                check_is_ours(request)  # nothing could be asked
            data = request.POST if "asked" in request.POST else None  # a password exactly as it was typed
            form = PersonForm(request, deed, authenticators, data)
            if form.is_bound and form.is_valid():
                note_confirmation(request)
                return view(request)
            return two_factor_response(request, form.status, person_form=form)

        return guarded

    return guard


@reader
@require_safe
def show(request: Request) -> HttpResponse:
    return two_factor_response(request)


@reader
@require_POST
@after_confirmation("set up two-factor")
def begin(request: Request) -> HttpResponse:
    """A first app, or another in the place of the one that is there, which stays until the new one is confirmed."""
    check_is_ours(request)
    return two_factor_response(request, pending=two_factor.begin_setup(request))


@reader
@require_POST
def confirm(request: Request) -> HttpResponse:
    secret = two_factor.pending_secret(request)
    if secret is None:
        answer: HttpResponse = begin_again(request)
        return answer
    codes = two_factor.turn_on(request, secret, request.POST.get("code", "")[:40])
    if codes is None:
        pending = two_factor.pending_app(request.user, secret)
        return two_factor_response(request, 422, pending=pending, pending_error=wrong_code())
    done = "Two-factor is on." if codes else "The app is replaced."
    messages.info(request, f"{done} “Sign out elsewhere” ends the sessions that began before.")
    return two_factor_response(request, new_codes=codes) if codes else rest(request)


@after_confirmation("set up two-factor")
def begin_again(request: Request) -> HttpResponse:
    check_is_ours(request)
    return two_factor_response(request, 422, pending=two_factor.begin_setup(request), pending_error=EXPIRED)


@reader
@require_POST
def cancel(request: Request) -> HttpResponse:
    two_factor.forget_setup(request)
    return rest(request)


@reader
@require_POST
@after_confirmation("turn off two-factor")
def turn_off(request: Request) -> HttpResponse:
    if settings.TWO_FACTOR_REQUIRED:
        messages.info(request, "This server asks for two-factor. Replace the app instead.")
        return two_factor_response(request, 422)
    two_factor.turn_off(request)
    messages.info(request, "Two-factor is off. Signing in asks for the password alone.")
    return rest(request)


@reader
@require_POST
@after_confirmation("make new recovery codes")
def make_codes(request: Request) -> HttpResponse:
    if not any(each.type == two_factor.APP for each in two_factor.authenticators_of(request.user)):
        messages.info(request, "Recovery codes stand in for an app. Set one up first.")
        return two_factor_response(request, 422)
    return two_factor_response(request, new_codes=two_factor.make_codes(request), has_ended_codes=True)


@reader
@require_POST
def fetch_codes(request: Request) -> HttpResponse:
    """The codes that are shown, as a file: only here, only as long as they are new."""
    codes = two_factor.codes_to_fetch(request)
    if codes is None:
        raise Http404("Recovery codes can be fetched for ten minutes after they were made. Make new ones.")
    record(origin_of(request), "fetched own recovery codes", oneself(request.user))
    lines = [
        f"Recovery codes of {request.user.get_username()} at {request.get_host()}",
        f"Made on {timezone.localtime():%d %B %Y at %H:%M}. Each works once.",
        "",
        *codes,
    ]
    response = HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="foundryflow-recovery-codes.txt"'
    response.headers["Cache-Control"] = "no-store"
    return response


@reader
@require_POST
def keep_codes(request: Request) -> HttpResponse:
    two_factor.keep_codes(request)
    return rest(request)


def rest(request: Request) -> HttpResponse:
    """As it is stored now. Without htmx on the own page."""
    if request.htmx:
        return two_factor_response(request)
    return redirect(f"{reverse('account:show')}#two-factor")


def check_is_ours(request: Request) -> None:
    """Whoever signs in elsewhere gives their second factor there."""
    if not has_password(request.user):
        raise Http404("You sign in elsewhere, and your second factor is asked for there.")


def wrong_code() -> str:
    """Says the time of the server: a clock that goes wrong is what makes every code a wrong one."""
    return (
        "This code does not belong to the app, or is too old. Type the one that is shown now. Phone and server have to "
        f"agree on the time: here it is {timezone.localtime():%H:%M:%S}."
    )
