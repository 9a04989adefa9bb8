"""Includes the rooms; what belongs to none of them is here."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_http_methods, require_safe

from foundryflow.access import anyone, reader
from foundryflow.invitations.join import accept_invitation, join
from foundryflow.people.choose_password import choose, show_link
from foundryflow.sign_in.code_views import enter_code
from foundryflow.sign_in.first_run import first_run
from foundryflow.sign_in.openid.views import return_from_provider, send_to_provider
from foundryflow.sign_in.signed_out import show_session, show_signed_in
from foundryflow.sign_in.views import SignIn
from foundryflow.system.readiness import show_readiness


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
    path("audit-log/", include("foundryflow.audit.urls")),
    path("setup/", first_run, name="first_run"),
    path("people/invitations/", include("foundryflow.invitations.urls")),
    path("people/", include("foundryflow.people.urls")),
    path("join/", accept_invitation, name="accept_invitation"),
    path("join/<str:secret>/", join, name="join"),
    path("password/", choose, name="choose_password"),
    path("password/<str:secret>/", show_link, name="password_link"),
    path("login/", anyone(sent_as_form(SignIn.as_view())), name="login"),
    path("login/code/", enter_code, name="login_code"),
    path("login/<slug:provider_id>/", send_to_provider, name="provider"),
    path("login/<slug:provider_id>/callback/", return_from_provider, name="provider_callback"),
    path("account/session/", show_session, name="session"),
    path("account/signed-in/", show_signed_in, name="signed_in"),
    path("account/", include("foundryflow.account.urls")),
    path("logout/", reader(sent_as_form(auth.LogoutView.as_view())), name="logout"),
    path("system/", include("foundryflow.system.urls")),
    path("healthz", health, name="health"),
    path("readyz", show_readiness, name="ready"),
]

handler400 = "foundryflow.error_pages.bad_request"
handler403 = "foundryflow.error_pages.permission_denied"
handler404 = "foundryflow.error_pages.not_found"
handler500 = "foundryflow.error_pages.server_error"
