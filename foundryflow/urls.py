"""Includes the rooms; what belongs to none of them is here."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_http_methods, require_safe

from foundryflow.access import anyone, reader
from foundryflow.first_run import first_run
from foundryflow.sign_in import ChangePassword, SignIn
from foundryflow.signed_out import session, signed_in


@anyone
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


# A form of Django's own would take PUT for POST.
sent_as_form = require_http_methods(["GET", "HEAD", "POST"])

urlpatterns = [
    path("api/", include("flows.api.urls")),  # first, since programs call more often than people
    path("", include("flows.urls")),
    path("connections/", include("connections.urls")),
    path("setup/", first_run, name="first_run"),
    path("login/", anyone(sent_as_form(SignIn.as_view())), name="login"),
    path("account/session/", session, name="session"),
    path("account/signed-in/", signed_in, name="signed_in"),
    path("account/password/", reader(sent_as_form(ChangePassword.as_view())), name="password"),
    path("logout/", reader(sent_as_form(auth.LogoutView.as_view())), name="logout"),
    path("healthz", health, name="health"),
]

handler400 = "foundryflow.error_pages.bad_request"
handler403 = "foundryflow.error_pages.permission_denied"
handler404 = "foundryflow.error_pages.not_found"
handler500 = "foundryflow.error_pages.server_error"
