"""Administrators invite people by a link that is shown once, and sent where a mail server is set."""

import hashlib
import re
import socket
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.utils import timezone

from foundryflow.accounts import give_role
from foundryflow.models import AuditEntry, Invitation
from foundryflow.roles import Role

HTMX = {"HX-Request": "true"}
NEW = "/people/invitations/new/"
HANA = {"email": "hana@contoso.example", "role": "runner"}


def invited(client, data=HANA, address=NEW, headers=HTMX):
    """What is answered, and the secret of the link in it."""
    answer = client.post(address, data, headers=headers)
    found = re.search(r"http://testserver/join/([\w-]+)/", answer.content.decode())
    return answer, found[1] if found else ""


def test_the_form_is_a_page_and_a_part_of_one(client_alice):
    assert "Create link" in client_alice.get(NEW).content.decode()
    part = client_alice.get(NEW, headers=HTMX).content.decode()
    assert "Create link" in part
    assert "<html" not in part
    assert "Create link" not in client_alice.get("/people/invitations/close/", headers=HTMX).content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_link_is_shown_once_and_only_its_digest_is_stored(client_alice, alice, headers):
    answer, secret = invited(client_alice, headers=headers)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "This link is shown once." in answer.content.decode()
    assert "No mail server is set" in answer.content.decode()
    assert len(secret) == 43  # 256 bits
    invitation = Invitation.objects.get()
    assert invitation.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert (invitation.email, invitation.role, invitation.created_by) == ("hana@contoso.example", "runner", alice)
    assert timedelta(hours=71) < invitation.expires_at - timezone.now() <= timedelta(hours=72)
    assert secret not in client_alice.get("/people/").content.decode()
    # Nor is it anywhere else.
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.subject, entry.detail) == ("invited", "hana@contoso.example", "as runner")
    everything = str(
        [AuditEntry.objects.values(), Invitation.objects.values(), [s.get_decoded() for s in Session.objects.all()]]
    )
    assert secret not in everything


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"email": "", "role": "runner"}, "Type an email address"),
        ({"email": "no address", "role": "runner"}, "This is no email address"),
        ({"email": "a\r\nBcc: x@y.example", "role": "runner"}, "This is no email address"),
        ({"email": f"{'a' * 150}@contoso.example", "role": "runner"}, "at most 150"),
        ({"email": "x@contoso.example", "role": "emperor"}, "emperor"),
        ({"email": "BOB@example.com", "role": "runner"}, "Bob has this address and is here already"),
    ],
)
def test_an_invitation_that_cannot_be_is_refused_with_a_sentence_and_keeps_what_was_typed(
    client_alice, bob, data, words
):
    answer, secret = invited(client_alice, data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not secret
    assert not Invitation.objects.exists()


def test_somebody_who_is_deactivated_is_activated_instead(client_alice, bob):
    bob.is_active = False
    bob.save()
    answer, _ = invited(client_alice, {"email": "bob@example.com", "role": "runner"})
    assert "Activate them again instead" in answer.content.decode()


def test_another_link_replaces_the_former(client_alice, client):
    _, first = invited(client_alice)
    answer, second = invited(client_alice, {"email": "Hana@contoso.example", "role": "editor"})
    assert "Create another link" in answer.content.decode()
    assert client.get(f"/join/{first}/").status_code == 410
    assert client.get(f"/join/{second}/").status_code == 200
    assert AuditEntry.objects.first().detail == "as editor, with a new link instead of the former"


def test_the_menu_makes_a_new_link_also_of_one_that_has_expired(client_alice, client):
    _, first = invited(client_alice)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    number = Invitation.objects.get().pk
    _, second = invited(client_alice, {}, f"/people/invitations/{number}/renew/")
    assert client.get(f"/join/{second}/").status_code == 200
    assert client.get(f"/join/{first}/").status_code == 410
    assert client_alice.post(f"/people/invitations/{number}/renew/").status_code == 404


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_invitation_is_withdrawn(client_alice, client, headers):
    _, secret = invited(client_alice)
    number = Invitation.objects.get().pk
    answer = client_alice.post(f"/people/invitations/{number}/withdraw/", headers=headers, follow=True)
    assert "is withdrawn" in answer.content.decode()
    assert client.get(f"/join/{secret}/").status_code == 410
    assert client_alice.post(f"/people/invitations/{number}/withdraw/", headers=headers).status_code == 404
    assert AuditEntry.objects.first().verb == "withdrew the invitation of"


def test_only_administrators_invite(client_alice, client, person):
    invited(client_alice)
    number = Invitation.objects.get().pk
    client.force_login(person(Role.EDITOR))
    for address in (NEW, f"/people/invitations/{number}/renew/", f"/people/invitations/{number}/withdraw/"):
        assert client.post(address, HANA).status_code == 403


def test_an_administrator_who_is_none_any_more_invites_nobody(client_alice, alice, bob):
    give_role(bob, Role.ADMINISTRATOR, by=None)
    give_role(alice, Role.EDITOR, by=None)
    assert client_alice.post(NEW, HANA).status_code == 403


# Mail


def test_a_link_is_sent_where_a_mail_server_is_set(client_alice, settings):
    settings.EMAIL_HOST = "mail.contoso.example"
    answer, secret = invited(client_alice)
    assert "It was sent to hana@contoso.example, too." in answer.content.decode()
    sent = mail.outbox[0]
    assert sent.to == ["hana@contoso.example"]
    assert f"http://testserver/join/{secret}/" in sent.body
    assert "Alice invites you to FoundryFlow as runner." in sent.body


@contextmanager
def mail_server_that_says(greeting: bytes):
    """Says one thing to everybody who calls."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                caller.sendall(greeting)
                caller.recv(1000)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("greeting", "words"),
    [(b"554 no service here\r\n", "it answered 554"), (b"", "it "), (b"220", ""), (None, "it cannot be reached")],
)
def test_a_mail_server_that_is_down_is_said_and_the_link_is_shown_all_the_same(
    client_alice, settings, caplog, greeting, words
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 1
    with mail_server_that_says(greeting or b"") as port:
        settings.EMAIL_PORT = port if greeting is not None else 1
        answer, secret = invited(client_alice)
    assert secret
    assert f"The mail server did not take it ({words}" in answer.content.decode()
    assert "so send it yourself" in answer.content.decode()
    assert secret not in caplog.text
