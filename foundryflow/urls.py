"""Includes the rooms; what belongs to none of them is here."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from foundryflow.access import anyone, reader
from foundryflow.first_run import first_run
from foundryflow.sign_in import ChangePassword, SignIn
from foundryflow.signed_out import session, signed_in
from foundryflow.system.readiness import ready


@anyone
def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("api/", include("flows.api.urls")),  # first, since programs call more often than people
    path("", include("flows.urls")),
    path("connections/", include("connections.urls")),
    path("setup/", first_run, name="first_run"),
    path("login/", anyone(SignIn.as_view()), name="login"),
    path("account/session/", session, name="session"),
    path("account/signed-in/", signed_in, name="signed_in"),
    path("account/password/", reader(ChangePassword.as_view()), name="password"),
    path("logout/", reader(auth.LogoutView.as_view()), name="logout"),
    path("system/", include("foundryflow.system.urls")),
    path("healthz", health, name="health"),
    path("readyz", ready, name="ready"),
]

handler400 = "foundryflow.error_pages.bad_request"
handler403 = "foundryflow.error_pages.permission_denied"
handler404 = "foundryflow.error_pages.not_found"
handler500 = "foundryflow.error_pages.server_error"
