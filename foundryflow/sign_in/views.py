"""The log-in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from foundryflow.sign_in.devices import remember_device


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "Name or password is wrong. Capital letters count in the password.",
        "inactive": "This account is switched off.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Email or user name"


class SignIn(LoginView):
    """Log-in; on an empty installation the set-up page instead."""

    template_name = "login.html"
    authentication_form = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Whoever is in needs no log-in, unless it is to be somebody else.
        self.redirect_authenticated_user = "again" not in request.GET
        if not User.objects.exists():
            return redirect("first_run")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        remember_device(self.request, response, form.get_user())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response
