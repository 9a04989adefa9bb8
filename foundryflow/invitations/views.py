"""Administrators invite people by a link that is shown once."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from foundryflow.access import administrator
from foundryflow.accounts import person_with
from foundryflow.audit.record import origin_of
from foundryflow.http import Request, form_data
from foundryflow.invitations.forms import InviteForm
from foundryflow.invitations.invite import invite, withdraw
from foundryflow.models import Invitation
from foundryflow.people.list_page import list_context, list_regions, open_invitations
from foundryflow.people.mail import send_invitation
from foundryflow.regions import MESSAGES, Region, page, regions
from foundryflow.roles import ROLE_HINTS, Role


@dataclass(frozen=True)
class InviteBox:
    """What stands above the list: the form, and below it the link that was made just now."""

    form: InviteForm
    invitation: Invitation | None = None
    link: str = ""
    mail: str = ""  # what became of the mail

    @property
    def hints(self) -> list[tuple[Role, str]]:
        """What each role may do; the page shows that of the one that is chosen."""
        return list(ROLE_HINTS.items())


@administrator
@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    """The form; posted, the link."""
    form = InviteForm(form_data(request) if request.method == "POST" else None)
    if not form.is_bound:
        return box_response(request, InviteBox(form))
    if not form.is_valid():
        return box_response(request, InviteBox(form), status=422)
    return link_response(request, form.cleaned_data["email"], Role(form.cleaned_data["role"]))


@administrator
@require_GET
def close(request: Request) -> HttpResponse:
    """Without the form; a link that was shown is not shown again."""
    return regions(request, Region("people/_invite.html", "invite"))


@administrator
@require_POST
def renew(request: Request, pk: int) -> HttpResponse:
    """Another link for somebody who is invited; the former leads nowhere."""
    invitation = find_open(pk)
    if person_with(invitation.email):
        messages.info(request, f"Somebody with the address {invitation.email} is here already.")
        return redirect("people:list")
    return link_response(request, invitation.email, Role(invitation.role))


@administrator
@require_POST
def withdraw_invitation(request: Request, pk: int) -> HttpResponse:
    invitation = find_open(pk)
    withdraw(invitation, origin_of(request))
    messages.info(request, f"The invitation of {invitation.email} is withdrawn: its link leads nowhere.")
    if not request.htmx:
        return redirect("people:list")
    return regions(request, *list_regions(request.user, {}), MESSAGES)


def find_open(pk: int) -> Invitation:
    found = open_invitations().filter(pk=pk).first()
    if found is None:
        raise Http404("This invitation was used or withdrawn meanwhile.")
    return found


def link_response(request: Request, email: str, role: Role) -> HttpResponse:
    invitation, secret = invite(email, role, origin_of(request))
    link = request.build_absolute_uri(reverse("join", args=[secret]))
    form = InviteForm(initial={"email": email, "role": role})
    return box_response(request, InviteBox(form, invitation, link, send_invitation(invitation, link)))


def box_response(request: Request, box: InviteBox, status: int = 200) -> HttpResponse:
    """The page, or with htmx the box, and the list where that has changed."""
    if not request.htmx:
        return page(request, "people/list.html", {**list_context(request.user, {}), "box": box}, status=status)
    changed = list_regions(request.user, {}) if box.invitation else []
    return regions(request, Region("people/_invite.html", "invite", {"box": box}), *changed, status=status)
