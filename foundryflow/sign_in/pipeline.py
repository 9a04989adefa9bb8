"""The way in, by the stages of allauth: the password or the identity provider, then the code, then the session."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.internal.stagekit import clear_login
from allauth.account.models import Login
from allauth.account.stages import LoginStage
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from foundryflow.proxies import caller_address
from foundryflow.sign_in.devices import remember_device
from foundryflow.sign_in.notices import back_to_login
from foundryflow.sign_in.two_factor import has_two_factor

BACKEND = "foundryflow.sign_in.backend.PeopleBackend"
SWITCHED_OFF = "This account is switched off. An administrator can switch it on."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # without types
    """What allauth asks about accounts. It makes none, and says nothing by itself."""

    def get_login_stages(self) -> list[str]:
        return ["foundryflow.sign_in.pipeline.CodeStage"]

    def login(self, request: HttpRequest, user: User) -> None:
        """The session gets another key, so that nobody who knew it before is signed in with it."""
        login(request, user, backend=BACKEND)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return back_to_login(request, SWITCHED_OFF)

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No page says that somebody is signed in: it shows."""

    def get_client_ip(self, request: HttpRequest) -> str:
        return caller_address(request)


class CodeStage(LoginStage):  # type: ignore[misc]  # without types
    """After a password: the code of two-factor. An identity provider has asked for its own."""

    key = "code"
    urlname = "login_code"

    def handle(self) -> tuple[HttpResponseBase | None, bool]:
        with_provider = "sociallogin" in (self.login.signal_kwargs or {})
        if with_provider or not has_two_factor(self.login.user):
            return None, True
        return redirect(self.urlname), True

    def abort(self) -> HttpResponse:
        clear_login(self.request)
        return redirect("login")


def enter_as_new(request: HttpRequest, person: User) -> HttpResponse:
    """Somebody who was made just now is signed in, from a browser that is known from now on."""
    login(request, person, backend=BACKEND)
    response = redirect(settings.LOGIN_REDIRECT_URL)
    remember_device(request, response, person)
    return response


def enter_with_password(request: HttpRequest, user: User, next: str) -> HttpResponse:
    """The password was right: leads to the code, or to where the person wanted to go."""
    if request.user.is_authenticated:  # somebody else, or the same person again
        logout(request)
    clear_login(request)  # what was begun before
    response: HttpResponse = perform_password_login(request, {}, Login(user=user, redirect_url=next))
    return response
