"""Where a password link leads. The secret is in the first address only: the form sends it in its body."""

from __future__ import annotations

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from foundryflow.access import anyone
from foundryflow.audit.record import origin_of
from foundryflow.http import form_data
from foundryflow.names import name_of
from foundryflow.people.forms import ChoosePasswordForm
from foundryflow.people.link_pages import begin_with_link, link_page
from foundryflow.people.password_link import NotValid, choose_password, find_person
from foundryflow.proxies import caller_address
from foundryflow.sign_in.attempts import TooMany

log = logging.getLogger(__name__)

TEMPLATE = "people/choose_password.html"


@anyone
@require_safe
def show_link(request: HttpRequest, secret: str) -> HttpResponse:
    return answer(request, secret)


@anyone
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    return answer(request, form_data(request).get("secret", ""))


def answer(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        attempt = begin_with_link(request, "password link")
    except TooMany as refused:
        return link_page(request, TEMPLATE, {"until": refused.until}, 429)
    person = find_person(secret) if settings.PASSWORD_SIGN_IN else None
    if person is None:
        attempt.fail()
        log.warning("A password link that is not valid, from %s", caller_address(request))
        return link_page(request, TEMPLATE, {}, 404)
    attempt.withdraw()
    if request.user.is_authenticated and request.user != person:
        told = {"whose": f"This link is for {person.email or person.username}.", "signed_in": name_of(request.user)}
        return link_page(request, TEMPLATE, told, 409 if request.method == "POST" else 200)
    form = ChoosePasswordForm(person, form_data(request) if request.method == "POST" else None)
    if not form.is_valid():
        context = {"person": person, "form": form, "secret": secret}
        return link_page(request, TEMPLATE, context, 422 if form.is_bound else 200)
    try:
        choose_password(secret, form.cleaned_data["password"], origin_of(request))
    except NotValid:
        return link_page(request, TEMPLATE, {}, 404)
    return link_page(request, TEMPLATE, {"chosen": True}, 200)
