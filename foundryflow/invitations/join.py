"""Where an invitation leads. The secret is in the first address only: the form sends it in its body."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from foundryflow.access import anyone
from foundryflow.audit.record import origin_of
from foundryflow.http import form_data
from foundryflow.invitations.forms import JoinForm
from foundryflow.invitations.invite import InvitationState, NotOpen, accept, find_invitation, state_of
from foundryflow.models import Invitation
from foundryflow.names import name_of
from foundryflow.people.link_pages import begin_with_link, link_page
from foundryflow.proxies import caller_address
from foundryflow.roles import ROLE_HINTS, Role
from foundryflow.sign_in.attempts import PendingAttempt, TooMany
from foundryflow.sign_in.devices import remember_device
from foundryflow.sign_in.openid.arrivals import INVITATION
from foundryflow.sign_in.sessions import keep_briefly

log = logging.getLogger(__name__)

REFUSALS = {
    InvitationState.UNKNOWN: (
        404, "This link leads nowhere", "Part of it may be missing: copy the whole link, or ask for another one."
    ),
    InvitationState.EXPIRED: (410, "This invitation has expired", "Ask {inviter} for a new link."),
    InvitationState.USED: (
        410, "This invitation was used", "It lets one person in, once. If that was you, sign in; else ask {inviter}."
    ),
    InvitationState.WITHDRAWN: (
        410, "This invitation is not valid any more",
        "It was withdrawn, or there is a newer link. Ask {inviter} if you have none."
    ),
    InvitationState.HERE: (410, "You are here already", "Somebody with the address {email} has an account: sign in."),
}  # fmt: skip


@anyone
@require_safe
def join(request: HttpRequest, secret: str) -> HttpResponse:
    return answer(request, secret)


@anyone
@require_POST
def accept_invitation(request: HttpRequest) -> HttpResponse:
    return answer(request, form_data(request).get("secret", ""))


def answer(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        attempt = begin_with_link(request, "invitation")
    except TooMany as refused:
        return join_page(request, {"until": refused.until}, status=429)
    invitation = judge(request, attempt, secret)
    state = state_of(invitation)
    if invitation is None or state is not InvitationState.OPEN:
        return refuse(request, state, invitation)
    if request.user.is_authenticated:
        status = 409 if request.method == "POST" else 200
        whose = f"This link lets {invitation.email} in."
        return join_page(request, {"whose": whose, "signed_in": name_of(request.user)}, status=status)
    if settings.IDENTITY_PROVIDERS:
        request.session[INVITATION] = invitation.pk
        keep_briefly(request.session)
    ways = {
        "invitation": invitation,
        "hint": ROLE_HINTS[Role(invitation.role)],
        "providers": settings.IDENTITY_PROVIDERS,
    }
    if not settings.PASSWORD_SIGN_IN:
        return join_page(request, ways, status=409 if request.method == "POST" else 200)
    form = JoinForm(invitation, form_data(request) if request.method == "POST" else None)
    if form.is_valid():
        return let_in(request, invitation, form.cleaned_data)
    return join_page(request, {**ways, "form": form, "secret": secret}, status=422 if form.is_bound else 200)


def judge(request: HttpRequest, attempt: PendingAttempt, secret: str) -> Invitation | None:
    """Only links that nobody has made count."""
    invitation = find_invitation(secret)
    if invitation:
        attempt.withdraw()
    else:
        attempt.fail()
        log.warning("A link of an invitation that nobody has made, from %s", caller_address(request))
    return invitation


def let_in(request: HttpRequest, invitation: Invitation, given: dict[str, Any]) -> HttpResponse:
    try:
        person = accept(invitation, given["name"], given["password"], origin_of(request))
    except (NotOpen, IntegrityError):
        invitation.refresh_from_db()
        state = state_of(invitation)
        return refuse(request, InvitationState.USED if state is InvitationState.OPEN else state, invitation)
    login(request, person, backend="foundryflow.sign_in.backend.PeopleBackend")
    response = redirect(settings.LOGIN_REDIRECT_URL)
    remember_device(request, response, person)
    return response


def refuse(request: HttpRequest, state: InvitationState, invitation: Invitation | None) -> HttpResponse:
    status, title, sentence = REFUSALS[state]
    inviter = (invitation and name_of(invitation.created_by)) or "whoever invited you"
    said = sentence.format(inviter=inviter, email=invitation.email if invitation else "")
    return join_page(request, {"title": title, "sentence": said}, status=status)


def join_page(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    return link_page(request, "people/join.html", context, status)
