"""Where a password link leads. The secret is in the first address only: the form sends it in its body."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from foundryflow.access import anyone
from foundryflow.audit.record import origin_of
from foundryflow.forms import NewPasswordForm
from foundryflow.http import form_data
from foundryflow.people.link_pages import find_by_link, link_page, somebody_else_page
from foundryflow.people.password_link import NotValid, choose_password, find_person
from foundryflow.sign_in.attempts import TooMany

TEMPLATE = "people/choose_password.html"


class ChoosePasswordForm(NewPasswordForm):
    def __init__(self, person: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = "New password"
        self._person = person

    def person(self) -> User:
        return self._person


@anyone
@require_safe
def show_link(request: HttpRequest, secret: str) -> HttpResponse:
    return answer_link(request, secret)


@anyone
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    return answer_link(request, form_data(request).get("secret", ""))


def answer_link(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        person = find_by_link(
            request, "password link", lambda: find_person(secret) if settings.PASSWORD_SIGN_IN else None
        )
    except TooMany as refused:
        return link_page(request, TEMPLATE, {"until": refused.until}, 429)
    if person is None:
        return link_page(request, TEMPLATE, {}, 404)
    if request.user.is_authenticated and request.user != person:
        return somebody_else_page(request, TEMPLATE, f"This link is for {person.email or person.username}.")
    form = ChoosePasswordForm(person, form_data(request) if request.method == "POST" else None)
    if not form.is_valid():
        context = {"person": person, "form": form, "secret": secret}
        return link_page(request, TEMPLATE, context, 422 if form.is_bound else 200)
    try:
        choose_password(secret, form.cleaned_data["password"], origin_of(request))
    except NotValid:
        return link_page(request, TEMPLATE, {}, 404)
    return link_page(request, TEMPLATE, {"chosen": True}, 200)
