"""`python manage.py person list|invite|password|role|deactivate|activate`, also for when nobody can get in."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.urls import reverse
from django.utils import timezone

from foundryflow.accounts import person_with
from foundryflow.audit.record import COMMAND
from foundryflow.env import domain_of
from foundryflow.invitations.invite import invite
from foundryflow.management.key_checks import KeyedCommand
from foundryflow.names import name_of
from foundryflow.people import membership
from foundryflow.people.list_page import open_invitations
from foundryflow.people.mail import send_invitation, send_password_link
from foundryflow.people.membership import LastAdministrator
from foundryflow.people.password_link import make_password_link
from foundryflow.roles import Role
from foundryflow.sign_in.logged_names import is_email


class Command(KeyedCommand):
    help = "People: who is here, who is invited, and what they may."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="everybody who is here or invited")
        invited = verbs.add_parser("invite", help="make a link that lets one person in, and print it once")
        invited.add_argument("email")
        invited.add_argument("--role", choices=Role.values, default=Role.READER)
        password = verbs.add_parser("password", help="print a link by which somebody chooses another password, once")
        password.add_argument("email", help="or user name")
        for parser in (invited, password):
            parser.add_argument("--server", help="how browsers reach this server, such as https://flow.contoso.example")
        role = verbs.add_parser("role", help="give somebody a role")
        role.add_argument("email", help="or user name")
        role.add_argument("role", choices=Role.values)
        for verb, words in (("deactivate", "let somebody in no more"), ("activate", "let somebody in again")):
            verbs.add_parser(verb, help=words).add_argument("email", help="or user name")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"{verb}_verb")(**options)
        except LastAdministrator as refused:
            raise CommandError(str(refused)) from None

    def list_verb(self, **options: Any) -> None:
        for user in User.objects.select_related("account").order_by("username"):
            seen = user.account.seen_at
            words = f"seen {seen.isoformat(timespec='minutes')}" if seen else "never seen"
            self.write_line(user.get_username(), name_of(user), user.account.role, self.state_of(user), words)
        for each in open_invitations():
            state = "link expired" if each.expires_at <= timezone.now() else "invited"
            self.write_line(each.email, "", each.role, state, f"until {each.expires_at.isoformat(timespec='minutes')}")

    def invite_verb(self, *, email: str, role: str, server: str | None = None, **options: Any) -> None:
        if not is_email(email):
            raise CommandError(f"{email!r} is no email address.")
        if person := person_with(email):
            raise CommandError(f"{name_of(person)} has the address {email} and is {self.state_of(person)}.")
        made, secret = invite(email.lower(), Role(role), COMMAND)
        link = link_to("join", secret, server)
        self.stdout.write(link)
        until = timezone.localtime(made.expires_at)
        self.stderr.write(
            f"It is not shown again. It lets {made.email} in as {role}, one time, until {until:%d %b %H:%M}."
            f" {send_invitation(made, link)}"
        )

    def password_verb(self, *, email: str, server: str | None = None, **options: Any) -> None:
        person = find_person(email)
        if not settings.PASSWORD_SIGN_IN:
            raise CommandError("Nobody logs in with a password here.")
        if not person.is_active:
            raise CommandError(f"{name_of(person)} is deactivated.")
        made = make_password_link(person, COMMAND)
        link = link_to("password_link", made.secret, server)
        self.stdout.write(link)
        self.stderr.write(
            f"It is not shown again. It lets {name_of(person)} choose a password, one time, until"
            f" {timezone.localtime(made.until):%d %b %H:%M}. {send_password_link(person, link, made.until, '')}"
        )

    def role_verb(self, *, email: str, role: str, **options: Any) -> None:
        person = find_person(email)
        membership.change_role(person.pk, Role(role), COMMAND)
        self.stdout.write(f"{name_of(person)} is {role} now.")

    def deactivate_verb(self, *, email: str, **options: Any) -> None:
        person = find_person(email)
        membership.deactivate(person.pk, COMMAND)
        self.stdout.write(f"{name_of(person)} is deactivated and signed out everywhere.")

    def activate_verb(self, *, email: str, **options: Any) -> None:
        person = membership.activate(find_person(email).pk, COMMAND)
        self.stdout.write(f"{name_of(person)} is active again, as {person.account.role}.")

    def write_line(self, *parts: str) -> None:
        self.stdout.write("  ".join(part for part in parts if part))

    def state_of(self, user: User) -> str:
        return "active" if user.is_active else "deactivated"


def find_person(email: str) -> User:
    found = person_with(email)
    if found is None:
        raise CommandError(f"There is nobody with the address or name {email!r}.")
    return found


def link_to(view: str, secret: str, server: str | None) -> str:
    return f"{(server or own_address()).rstrip('/')}{reverse(view, args=[secret])}"


def own_address() -> str:
    """As far as the settings tell."""
    return f"http{'s' if settings.HTTPS else ''}://{domain_of(settings.ALLOWED_HOSTS)}"
