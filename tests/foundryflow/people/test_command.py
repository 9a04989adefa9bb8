"""People on the command line."""

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from foundryflow.models import AuditEntry
from foundryflow.roles import Role, role_of


@pytest.fixture(autouse=True)
def _right_key(monkeypatch):
    monkeypatch.setattr("foundryflow.management.key_checks.check_keys", lambda: None)


def person(*arguments):
    out, err = StringIO(), StringIO()
    call_command("person", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def stored_role(user):
    return role_of(User.objects.get(pk=user.pk))


def test_everybody_is_listed(alice, bob):
    person("invite", "gus@contoso.example", "--role", "editor")
    out, _ = person("list")
    assert "alice  Alice  administrator  active  never seen" in out
    assert "gus@contoso.example  editor  invited  until" in out


def test_an_invitation_is_printed_once(db, settings):
    settings.ALLOWED_HOSTS = ["flow.contoso.example", "testserver"]
    out, err = person(
        "invite", "Gus@contoso.example", "--role", "administrator", "--server", "https://flow.contoso.example/"
    )
    assert out.startswith("https://flow.contoso.example/join/")
    assert "as administrator, one time" in err
    assert Client().get(f"/join/{out.strip().rsplit('/', 2)[1]}/").status_code == 200
    assert person("invite", "x@contoso.example")[0].startswith("http://flow.contoso.example/join/")
    assert AuditEntry.objects.first().actor.startswith("Command line")


def test_what_cannot_be_is_said(alice):
    for arguments, words in (
        (("invite", "ALICE@example.com"), "has the address"),
        (("invite", "no address"), "no email address"),
        (("role", "nobody", "reader"), "There is nobody"),
        (("role", "alice", "reader"), "last active administrator"),
        (("deactivate", "alice@example.com"), "last active administrator"),
    ):
        with pytest.raises(CommandError, match=words):
            person(*arguments)
    assert stored_role(alice) is Role.ADMINISTRATOR


def test_roles_are_given_and_people_let_in_and_out(alice, bob):
    assert person("role", "BOB@example.com", "administrator")[0] == "Bob is administrator now.\n"
    assert stored_role(bob) is Role.ADMINISTRATOR
    person("deactivate", "bob")
    assert not User.objects.get(pk=bob.pk).is_active
    person("activate", "bob")
    assert stored_role(bob) is Role.ADMINISTRATOR
    assert [entry.verb for entry in AuditEntry.objects.all()] == ["activated", "deactivated", "changed the role of"]
