"""Roles, deactivation and sessions: what administrators do to people, and what they cannot."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from flows.api.keys import forget_keys
from flows.models import Run
from foundryflow.accounts import give_role
from foundryflow.audit.record import Origin
from foundryflow.models import ApiKey, AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.people import membership
from foundryflow.people.list_page import active_administrators
from foundryflow.people.membership import LastAdministrator
from foundryflow.roles import Role, role_of
from tests.factories import make_flow, make_run

HTMX = {"HX-Request": "true"}


def stored_role(user):
    return role_of(User.objects.get(pk=user.pk))


def newest_entry():
    entry = AuditEntry.objects.first()
    return entry.actor, entry.verb, entry.subject, entry.detail


def test_a_role_is_saved_at_once_and_can_be_taken_back(client_alice, bob):
    answer = client_alice.post(f"/people/{bob.pk}/role/", {"role": "editor"}, headers=HTMX)
    assert stored_role(bob) is Role.EDITOR
    assert "Saved ·" in answer.content.decode()
    assert 'value="reader"' in answer.content.decode()
    assert newest_entry() == ("Alice", "changed the role of", "Bob", "from reader to editor")


def test_without_htmx_a_role_is_saved_too(client_alice, bob):
    answer = client_alice.post(f"/people/{bob.pk}/role/", {"role": "runner"}, follow=True)
    assert stored_role(bob) is Role.RUNNER
    assert "Bob is runner now." in answer.content.decode()


def test_a_role_that_there_is_not_is_not_given(client_alice, bob):
    assert client_alice.post(f"/people/{bob.pk}/role/", {"role": "emperor"}).status_code == 404
    assert client_alice.post(f"/people/{bob.pk}/role/").status_code == 404
    assert stored_role(bob) is Role.READER


def test_the_same_role_again_changes_nothing(client_alice, bob):
    client_alice.post(f"/people/{bob.pk}/role/", {"role": "reader"}, headers=HTMX)
    assert not AuditEntry.objects.exists()


def test_the_last_administrator_cannot_be_demoted_or_deactivated(client_alice, alice, bob):
    for htmx in ({}, HTMX):
        for verb, data in (("role", {"role": "reader"}), ("deactivate", {})):
            answer = client_alice.post(f"/people/{alice.pk}/{verb}/", data, headers=htmx)
            assert answer.status_code == 409
            assert "last active administrator" in answer.content.decode()
    assert stored_role(alice) is Role.ADMINISTRATOR
    assert "disabled" in client_alice.get(f"/people/{alice.pk}/deactivate/").content.decode()
    # Somebody who is switched off does not count.
    give_role(bob, Role.ADMINISTRATOR, by=None)
    bob.is_active = False
    bob.save()
    assert client_alice.post(f"/people/{alice.pk}/deactivate/").status_code == 409


def test_one_of_two_administrators_may_step_down(client_alice, alice, bob):
    give_role(bob, Role.ADMINISTRATOR, by=None)
    answer = client_alice.post(f"/people/{alice.pk}/role/", {"role": "editor"}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == "/flows/"
    assert stored_role(alice) is Role.EDITOR
    assert client_alice.get("/people/").status_code == 403


def test_somebody_who_is_deactivated_is_signed_out_and_their_keys_stop(client_alice, client_bob, bob):
    _, text = ApiKey.objects.issue("bobs", ["read"], by=bob)
    assert ApiKey.objects.find_any(text).trouble() == ""
    answer = client_alice.post(f"/people/{bob.pk}/deactivate/", follow=True)
    assert "Bob is deactivated." in answer.content.decode()
    assert client_bob.get("/flows/").status_code == 302
    forget_keys()
    assert "switched off" in ApiKey.objects.find_any(text).trouble()
    assert newest_entry() == ("Alice", "deactivated", "Bob", "")
    typed = {"username": "bob", "password": "another long password"}
    assert Client().post("/login/", typed).status_code == 422
    # The sessions do not come back with the person.
    client_alice.post(f"/people/{bob.pk}/activate/")
    assert client_bob.get("/flows/").status_code == 302
    assert newest_entry() == ("Alice", "activated", "Bob", "as reader")


def test_nothing_is_lost_of_somebody_who_is_deactivated(client_alice, person):
    runner = person(Role.RUNNER)
    run = make_run(make_flow(), question="x")
    Run.objects.filter(pk=run.pk).update(started_by=runner)
    client_alice.post(f"/people/{runner.pk}/deactivate/")
    assert Run.objects.get(pk=run.pk).started_by == runner
    assert client_alice.get(f"/runs/{run.pk}/").status_code == 200


def test_somebody_is_signed_out_everywhere_and_others_stay(client_alice, client_bob, bob):
    second = Client()
    second.force_login(bob)
    answer = client_alice.post(f"/people/{bob.pk}/sign-out/", headers=HTMX)
    assert "Bob is signed out of 2 sessions." in answer.content.decode()
    assert client_bob.get("/flows/").status_code == 302
    assert second.get("/flows/").status_code == 302
    assert client_alice.get("/flows/").status_code == 200
    assert Session.objects.count() == 1
    assert newest_entry() == ("Alice", "signed out everywhere", "Bob", "2 sessions")


def test_two_factor_is_reset_for_somebody_who_has_lost_it(client_alice, bob):
    Authenticator.objects.create(user=bob, type=Authenticator.Type.TOTP, data={})
    Authenticator.objects.create(user=bob, type=Authenticator.Type.RECOVERY_CODES, data={})
    answer = client_alice.post(f"/people/{bob.pk}/two-factor/", headers=HTMX)
    assert "Two-factor of Bob is reset" in answer.content.decode()
    assert not Authenticator.objects.exists()
    assert newest_entry()[1] == "reset two-factor of"
    again = client_alice.post(f"/people/{bob.pk}/two-factor/", headers=HTMX)
    assert "has not set up two-factor" in again.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", ["demote", "deactivate", "mixed"])
def test_of_two_administrators_who_remove_each_other_at_the_same_moment_one_stays(deed):
    pair = [User.objects.create_superuser(f"admin{number}@contoso.example") for number in range(2)]
    barrier = threading.Barrier(2)

    def remove(by, other, demote):
        try:
            barrier.wait(10)
            origin = Origin(Via.BROWSER, by, by.username)
            if demote:
                membership.change_role(other.pk, Role.READER, origin)
            else:
                membership.deactivate(other.pk, origin)
        except LastAdministrator:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(remove, pair[0], pair[1], deed != "deactivate")
        second = pool.submit(remove, pair[1], pair[0], deed == "demote")
        assert sorted([first.result(30), second.result(30)]) == [False, True]
    assert len(active_administrators()) == 1
