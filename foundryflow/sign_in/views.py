"""The log-in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import urlencode

from foundryflow.accounts import people_with
from foundryflow.sign_in.devices import remember_device
from foundryflow.sign_in.limits import withdraw_attempt
from foundryflow.sign_in.notices import NOTICE, back_to_login
from foundryflow.sign_in.openid.links import agree_to_link, pending_link
from foundryflow.sign_in.pipeline import enter_with_password


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "Name or password is wrong. Capital letters count in the password.",
        "inactive": "This account is switched off.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Email or user name"

    def clean_username(self) -> str:
        return find_user_name(str(self.cleaned_data["username"]))


def find_user_name(typed: str) -> str:
    """The name of whoever is meant by a name or an email, in whichever letters; what was typed where that is nobody,
    or could be two. Limits count by it, so that one person has one count."""
    if User.objects.filter(username=typed).exists():
        return typed
    found = list(people_with(typed).values_list("username", flat=True)[:2])
    return found[0] if len(found) == 1 else typed


class SignIn(LoginView):
    """Log-in; on an empty installation the set-up page instead."""

    template_name = "sign_in/login.html"
    authentication_form = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Whoever is in needs no log-in, unless it is to be somebody else.
        self.redirect_authenticated_user = "again" not in request.GET
        if not User.objects.exists():
            return redirect("first_run")
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.PASSWORD_SIGN_IN:
            return back_to_login(request, "Nobody logs in with a password here.", self.get_redirect_url())
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        withdraw_attempt(self.request)
        agree_to_link(self.request, self.request.POST.get("link", ""))
        response = enter_with_password(self.request, user, self.get_success_url())
        if self.request.user.is_authenticated:  # else a code is asked for first
            remember_device(self.request, response, user)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = {"next": self.get_redirect_url(), **({"again": ""} if "again" in self.request.GET else {})}
        return super().get_context_data(
            **kwargs,
            providers=settings.IDENTITY_PROVIDERS,
            query=urlencode({name: value for name, value in asked.items() if value or name == "again"}),
            to_link=pending_link(self.request),
            notices=[message for message in get_messages(self.request) if NOTICE in message.tags],
        )
