"""What the audit log learns about signing in: who, how, from where, and never a password."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from foundryflow.models import AuditEntry
from foundryflow.sign_in import limits
from foundryflow.sign_in.setup_code import setup_code

pytestmark = pytest.mark.django_db
RIGHT = "a long enough password"


def sign_in(name="alice", password="wrong", address="20.0.0.1"):
    return Client().post("/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def entries():
    found = AuditEntry.objects.order_by("pk")
    return [(each.actor, each.verb, each.detail, each.address, each.is_refused, each.count) for each in found]


def test_a_sign_in_says_how(alice):
    sign_in(password=RIGHT)
    assert entries() == [("Alice", "signed in", "with password", "20.0.0.1", False, 1)]
    assert AuditEntry.objects.get().by == alice


def test_wrong_passwords_are_counted_in_one_entry_until_the_lock(alice, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TOGETHER", 3)
    for _ in range(5):
        sign_in()
    wrong, locked, refused = entries()
    assert wrong == ("alice", "tried to sign in", ", wrong password", "20.0.0.1", True, 3)
    assert locked[:2] == ("alice", "was locked out")
    assert locked[2].endswith(" UTC")
    assert refused == ("alice", "tried to sign in", ", too many attempts", "20.0.0.1", True, 2)
    assert not AuditEntry.objects.exclude(subject_id=alice.pk).exists()


def test_names_that_nobody_has_cannot_fill_the_log_while_their_address_is_locked(alice, monkeypatch):
    monkeypatch.setattr(limits, "MOST_OF_ADDRESS", 2)
    for number in range(10):
        sign_in(name=f"ghost{number}@contoso.example")
    refused = [entry for entry in entries() if entry[2] == ", too many attempts"]
    assert refused == [("Somebody", "tried to sign in", ", too many attempts", "20.0.0.1", True, 8)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ghost@contoso.example", "ghost@contoso.example"),
        ("correct horse staple", "a name that nobody has (20 characters)"),
    ],
)
def test_a_password_in_the_field_of_the_name_is_not_told(alice, name, told):
    sign_in(name=name)
    assert entries()[0][0] == told


def test_setting_the_server_up_is_told_and_so_is_a_wrong_code(db):
    given = {"name": "Ada", "email": "ada@contoso.example", "password": "correct horse staple"}
    Client().post("/setup/", {**given, "code": "AAAA-BBBB"})
    Client().post("/setup/", {**given, "code": setup_code()})
    told = [(entry[0], entry[1], entry[2]) for entry in entries()]
    assert told == [
        ("Somebody", "tried to set the server up", ", wrong setup code"),
        ("Ada", "signed in", ""),
        ("Ada", "set the server up", "as its first administrator"),
    ]


def test_a_changed_password_is_told_and_a_wrong_one_too(client_alice, alice):
    new = {"new_password1": "another horse staple", "new_password2": "another horse staple"}
    client_alice.post("/account/password/", {**new, "old_password": "guess"})
    client_alice.post("/account/password/", {**new, "old_password": RIGHT})
    assert [(entry[1], entry[4]) for entry in entries()] == [
        ("tried to change own password", True),
        ("changed own password", False),
    ]
    assert User.objects.get(pk=alice.pk).check_password("another horse staple")
    assert "horse" not in str(list(AuditEntry.objects.values()))
