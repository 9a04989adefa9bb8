"""Where an invitation leads. The secret is in the first address only: the form sends it in its body."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from foundryflow.access import anyone
from foundryflow.audit.record import origin_of
from foundryflow.http import form_data
from foundryflow.invitations.forms import JoinForm
from foundryflow.invitations.invite import InvitationState, NotOpen, accept, find_invitation, state_of
from foundryflow.models import Invitation
from foundryflow.names import name_of
from foundryflow.people.link_pages import find_by_link, link_page, somebody_else_page, unposted_status
from foundryflow.roles import ROLE_HINTS, Role
from foundryflow.sign_in.attempts import TooMany
from foundryflow.sign_in.openid.arrivals import INVITATION
from foundryflow.sign_in.pipeline import enter_as_new
from foundryflow.sign_in.session_limits import keep_briefly

TEMPLATE = "people/join.html"
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
    return answer_link(request, secret)


@anyone
@require_POST
def accept_invitation(request: HttpRequest) -> HttpResponse:
    return answer_link(request, form_data(request).get("secret", ""))


def answer_link(request: HttpRequest, secret: str) -> HttpResponse:
    try:
        invitation = find_by_link(request, "invitation", lambda: find_invitation(secret))
    except TooMany as refused:
        return link_page(request, TEMPLATE, {"until": refused.until}, 429)
    state = state_of(invitation)
    if invitation is None or state is not InvitationState.OPEN:
        return refuse(request, state, invitation)
    if request.user.is_authenticated:
        return somebody_else_page(request, TEMPLATE, f"This link lets {invitation.email} in.")
    if settings.IDENTITY_PROVIDERS:
        request.session[INVITATION] = invitation.pk
        keep_briefly(request.session)
    ways = {
        "invitation": invitation,
        "hint": ROLE_HINTS[Role(invitation.role)],
        "providers": settings.IDENTITY_PROVIDERS,
    }
    if not settings.PASSWORD_SIGN_IN:
        return link_page(request, TEMPLATE, ways, unposted_status(request))
    form = JoinForm(invitation, form_data(request) if request.method == "POST" else None)
    if form.is_valid():
        return let_in(request, invitation, form.cleaned_data)
    return link_page(request, TEMPLATE, {**ways, "form": form, "secret": secret}, 422 if form.is_bound else 200)


def let_in(request: HttpRequest, invitation: Invitation, given: dict[str, Any]) -> HttpResponse:
    try:
        person = accept(invitation, given["name"], given["password"], origin_of(request))
    except (NotOpen, IntegrityError):
        invitation.refresh_from_db()
        state = state_of(invitation)
        return refuse(request, InvitationState.USED if state is InvitationState.OPEN else state, invitation)
    return enter_as_new(request, person)


def refuse(request: HttpRequest, state: InvitationState, invitation: Invitation | None) -> HttpResponse:
    status, title, sentence = REFUSALS[state]
    inviter = (invitation and name_of(invitation.created_by)) or "whoever invited you"
    said = sentence.format(inviter=inviter, email=invitation.email if invitation else "")
    return link_page(request, TEMPLATE, {"title": title, "sentence": said}, status)
