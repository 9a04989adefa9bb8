"""The pages of people, for administrators."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from foundryflow.access import administrator
from foundryflow.account.sessions import sessions_of
from foundryflow.audit.record import origin_of
from foundryflow.http import Request
from foundryflow.models import AuditEntry
from foundryflow.names import name_of
from foundryflow.people import membership
from foundryflow.people.list_page import (
    active_administrators,
    count_regions,
    list_context,
    list_regions,
    row_of,
    row_region,
)
from foundryflow.people.mail import send_password_link
from foundryflow.people.membership import LastAdministrator
from foundryflow.people.password_link import make_password_link
from foundryflow.people.sign_in_page import role_lines, setting_lines
from foundryflow.regions import MESSAGES, Region, page, redirect_page, regions, wants_regions
from foundryflow.roles import Role, may_administer

NEWEST_CHANGES = 20  # of the page of a person


@administrator
@require_GET
def people_list(request: Request) -> HttpResponse:
    if wants_regions(request):
        return regions(request, *list_regions(request.user, request.GET))
    return page(request, "people/list.html", list_context(request.user, request.GET))


@administrator
@require_GET
def show_sign_in(request: Request) -> HttpResponse:
    """How people come in, and what each role may."""
    return page(request, "people/sign_in.html", {"roles": role_lines(), "settings": list(setting_lines())})


@administrator
@require_GET
def show(request: Request, pk: int) -> HttpResponse:
    """What somebody has open and has done."""
    person = find_person(pk)
    context = {
        "person": person,
        "row": row_of(person, request.user),
        "sessions": sessions_of(person),
        "changes": AuditEntry.objects.filter(by=person)[:NEWEST_CHANGES],
    }
    return page(request, "people/person.html", context)


@administrator
@require_POST
def change_role(request: Request, pk: int) -> HttpResponse:
    """Saves at once; the row says so, and offers to take it back."""
    if request.POST.get("role") not in Role.values:
        raise Http404("There is no such role.")
    person, role = find_person(pk), Role(request.POST["role"])
    before = Role(person.account.role)
    try:
        person = membership.change_role(pk, role, origin_of(request))
    except LastAdministrator as refused:
        return refusal(request, person, str(refused))
    if not may_administer(find_person(request.user.pk)):  # one's own role
        messages.info(request, f"You are {role.label.lower()} now.")
        return redirect_page(request, reverse("flows:list"))
    if not request.htmx:
        messages.info(request, f"{name_of(person)} is {role.label.lower()} now.")
        return redirect("people:list")
    return regions(
        request,
        row_region(person, request.user, before if before is not role else None),
        *other_administrators(request, person, before, role),
        *count_regions(active_administrators()),
        Region("people/_said.html", "people-said", {"said": f"Saved. {name_of(person)} is {role.label.lower()} now."}),
    )


def other_administrators(request: Request, person: User, before: Role, role: Role) -> list[Region]:
    """Of another administrator, who may be the last one now or is not any more."""
    if Role.ADMINISTRATOR not in (before, role):
        return []
    others = User.objects.select_related("account").filter(pk__in=active_administrators()).exclude(pk=person.pk)
    return [row_region(other, request.user) for other in others[:2]]


@administrator
@require_POST
def sign_out(request: Request, pk: int) -> HttpResponse:
    person = find_person(pk)
    count = membership.sign_out_everywhere(person, origin_of(request))
    words = {0: "was signed in nowhere", 1: "is signed out of one session"}
    return row_response(request, pk, f"{name_of(person)} {words.get(count, f'is signed out of {count} sessions')}.")


@administrator
@require_POST
def reset_two_factor(request: Request, pk: int) -> HttpResponse:
    person = find_person(pk)
    if membership.reset_two_factor(person, origin_of(request)):
        said = f"Two-factor of {name_of(person)} is reset: the password is enough until it is set up anew."
    else:
        said = f"{name_of(person)} has not set up two-factor."
    return row_response(request, pk, said)


@administrator
@require_http_methods(["GET", "POST"])
def password_link(request: Request, pk: int) -> HttpResponse:
    """Says what it means, then shows the link, once."""
    person = find_person(pk)
    context = {"person": person, "refused": why_no_link(person, request.user)}
    if context["refused"] or request.method != "POST":
        refused = request.method == "POST"
        return page(request, "people/password_link.html", context, status=409 if refused else 200)
    made = make_password_link(person, origin_of(request))
    link = request.build_absolute_uri(reverse("password_link", args=[made.secret]))
    mail = send_password_link(person, link, made.until, name_of(request.user))
    return page(request, "people/password_link.html", {**context, "link": link, "until": made.until, "mail": mail})


def why_no_link(person: User, reader: User) -> str:
    """Empty where there may be one."""
    if not settings.PASSWORD_SIGN_IN:
        return "Nobody logs in with a password here."
    if person == reader:
        return "Your own password is changed on your page, Account."
    return "" if person.is_active else f"{name_of(person)} is deactivated. Activate them again first."


@administrator
@require_http_methods(["GET", "POST"])
def deactivate(request: Request, pk: int) -> HttpResponse:
    """Says what it means, then does it."""
    person = find_person(pk)
    if request.method != "POST":
        row = row_of(person, request.user)
        return page(request, "people/deactivate.html", {"person": person, "row": row})
    try:
        membership.deactivate(pk, origin_of(request))
    except LastAdministrator as refused:
        return refusal(request, person, str(refused))
    messages.info(request, f"{name_of(person)} is deactivated.")
    return redirect_page(request, reverse("people:list"))


@administrator
@require_POST
def activate(request: Request, pk: int) -> HttpResponse:
    person = membership.activate(find_person(pk).pk, origin_of(request))
    return row_response(request, pk, f"{name_of(person)} is active again, as {person.account.role}.")


def find_person(pk: int) -> User:
    found = User.objects.select_related("account__role_given_by").filter(pk=pk).first()
    if found is None:
        raise Http404("There is nobody of this number.")
    return found


def row_response(request: Request, pk: int, said: str) -> HttpResponse:
    """The line as it is now, and what was done."""
    messages.info(request, said)
    if not request.htmx:
        return redirect("people:list")
    return regions(
        request, row_region(find_person(pk), request.user), *count_regions(active_administrators()), MESSAGES
    )


def refusal(request: Request, person: User, sentence: str) -> HttpResponse:
    """Nothing was changed; the line shows what is stored."""
    if request.htmx:
        messages.error(request, sentence)
        return regions(request, row_region(find_person(person.pk), request.user), MESSAGES, status=409)
    row = row_of(person, request.user)
    return page(request, "people/deactivate.html", {"person": person, "row": row, "refused": sentence}, status=409)
