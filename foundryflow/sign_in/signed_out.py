"""What somebody gets who is not signed in any more, or whose page has a token of another session.

A page that asks by itself (htmx, fetch) would follow a redirect to the log-in unseen and take it for success. It gets
401 with one region, keeps what was typed, asks `show_session` until its person is there again, and sends it then
(`static/js/session.js`).
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import resolve_url
from django.views.decorators.http import require_safe

from foundryflow.access import Access, anyone, reader
from foundryflow.audit.refusals import record_refused_form
from foundryflow.error_pages import error_page
from foundryflow.http import Request, is_from_script, page_before
from foundryflow.names import name_of
from foundryflow.regions import Region, page, regions
from foundryflow.sign_in.required_two_factor import lead_to_set_up

SESSION = "X-Session"  # header that tells our scripts why a request was turned away before anything was done
OLD_PAGE = "Nothing was done: this page belongs to a sign-in that is over, or the browser keeps no cookies."


class SignInRequired(LoginRequiredMiddleware):
    """Also leads to two-factor whoever has to set it up first."""

    def process_view(self, request: HttpRequest, view_func: Any, *args: Any) -> Any:
        return super().process_view(request, view_func, *args) or lead_to_set_up(request, view_func)

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponse:  # type: ignore[override]
        return ask_to_sign_in(request)


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    if is_from_script(request):
        return signed_out()
    # What a form is sent to is not always a page; the one it was on is.
    reads = request.method in ("GET", "HEAD")
    wanted = request.get_full_path() if reads else page_before(request)
    return redirect_to_login(wanted or resolve_url(settings.LOGIN_REDIRECT_URL))


def signed_out() -> HttpResponse:
    response = regions(None, Region("_signed_out.html", "session-bar", swap="innerHTML"), status=401)
    response.headers[SESSION] = "signed-out"
    response.headers["HX-Reswap"] = "none"
    return response


def without_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose CSRF token is missing, or of another session: nothing was done."""
    user, match = getattr(request, "user", None), request.resolver_match
    is_open = match is not None and getattr(match.func, "access", None) is Access.ANYONE
    if user is not None and not user.is_authenticated and not is_open:
        return ask_to_sign_in(request)
    record_refused_form(request, reason)
    response = error_page(request, 403, "This page was too old", OLD_PAGE, page_before(request))
    response.headers[SESSION] = "stale"
    return response


@anyone
@require_safe
def show_session(request: HttpRequest) -> JsonResponse:
    """Who is signed in, and a token for the forms of their pages."""
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({"person": None})
    return JsonResponse({"person": user.pk, "name": name_of(user), "token": get_token(request)})


@reader
@require_safe
def show_signed_in(request: Request) -> HttpResponse:
    """Where the bar of another tab leads: nothing more is to be done here."""
    return page(request, "sign_in/signed_in.html", {})
