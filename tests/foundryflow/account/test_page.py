"""The own page: what stands on it, for whom."""

import re

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from foundryflow.accounts import give_role
from foundryflow.models import Account, ApiKey, AuditEntry
from foundryflow.roles import Role
from tests.markup import one_line

pytestmark = pytest.mark.django_db


def body(client, address="/account/"):
    response = client.get(address)
    assert response.status_code == 200
    return one_line(response.content.decode())


@pytest.mark.parametrize("role", list(Role))
def test_it_is_for_everybody_who_is_signed_in(person, role):
    client = Client()
    client.force_login(person(role))
    shown = body(client)
    for title in ("Account", "Name", "Password", "Sessions", "Two-factor", "Appearance and keys", "Your API keys"):
        assert re.search(rf"<h[12][^>]*>{title}</h", shown), title
    assert f"Role: {role.label.lower()}" in shown


def test_a_stranger_signs_in_first():
    assert Client().get("/account/").url == "/login/?next=/account/"


def test_it_says_who_gave_the_role(client_bob, bob, alice):
    give_role(bob, Role.RUNNER, by=alice)
    assert re.search(r"Role: runner, given by Alice on \d+ \w+", body(client_bob))


def test_a_page_takes_few_queries(client_alice, alice, django_assert_num_queries):
    ApiKey.objects.issue("laptop", ["read"], by=alice)
    client_alice.get("/account/")
    # The session, the person with their account, sessions twice, authenticators and keys.
    with django_assert_num_queries(6):
        client_alice.get("/account/")


def test_the_menu_of_the_person_leads_to_it(client_bob):
    shown = body(client_bob, "/flows/")
    assert '<a class="menu-item" href="/account/">' in shown
    assert "This server" not in shown


def test_go_to_finds_it(client_bob):
    assert 'href="/account/"' in body(client_bob, "/go-to/?q=account")


def test_own_keys_and_nobody_elses(client_bob, bob, alice):
    key, text = ApiKey.objects.issue("laptop, curl", ["read"], by=bob)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
    ApiKey.objects.issue("of alice", ["read"], by=alice)
    ApiKey.objects.issue("revoked", ["read"], by=bob)[0].revoke()
    shown = body(client_bob)
    assert "laptop, curl" in shown
    assert key.begins in shown
    assert re.search(r"used \d\d:\d\d", shown)
    assert "of alice" not in shown
    assert "revoked" not in shown
    assert text not in shown


def test_somebody_without_a_password_here_reads_where_theirs_is(client_bob, bob):
    bob.set_unusable_password()
    bob.save()
    SocialAccount.objects.create(user=bob, provider="gone", uid="1")
    client_bob.force_login(bob)
    shown = body(client_bob)
    assert "You sign in with your identity provider. The password is changed there" in shown
    assert "your second factor is asked for there" in shown
    assert 'name="old_password"' not in shown
    assert "Set up an app" not in shown
    for address in ("/account/password/", "/account/two-factor/begin/"):
        assert client_bob.post(address).status_code == 404


def test_a_provider_is_called_by_its_name(client_bob, bob, settings, django_assert_num_queries):
    entra = {"provider_id": "entra", "name": "Microsoft Entra ID", "client_id": "x", "secret": "y"}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [entra]}}
    bob.set_unusable_password()
    bob.save()
    SocialAccount.objects.create(user=bob, provider="entra", uid="1")
    client_bob.force_login(bob)
    body(client_bob)
    with django_assert_num_queries(8):  # two more than others, once
        shown = body(client_bob)
    assert "You sign in with Microsoft Entra ID. The password is changed there, not here." in shown
    assert 'href="https://mysignins.microsoft.com/security-info"' in shown
    assert "By Microsoft Entra ID" in shown
    assert "From Microsoft Entra ID." in shown


def test_nobody_has_a_password_where_the_server_takes_none(client_alice, settings):
    settings.PASSWORD_SIGN_IN = False
    shown = body(client_alice)
    assert 'name="old_password"' not in shown
    assert "Set up an app" not in shown
    for address in ("/account/password/", "/account/two-factor/begin/"):
        assert client_alice.post(address).status_code == 404


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_a_theme_is_kept_on_the_account(client_bob, bob, theme):
    assert client_bob.post("/account/theme/", {"theme": theme}, headers={"HX-Request": "true"}).status_code == 204
    assert Account.objects.get(user=bob).theme == theme
    elsewhere = Client()
    elsewhere.force_login(bob)
    assert f'<html lang="en" data-theme="{theme}">' in body(elsewhere, "/flows/")
    assert AuditEntry.objects.filter(by=bob, verb="changed own theme").count() == 1
    assert client_bob.post("/account/theme/", {"theme": theme}).status_code == 302
    assert AuditEntry.objects.filter(by=bob, verb="changed own theme").count() == 1


def test_who_never_chose_a_theme_has_that_of_the_browser(client_bob):
    assert '<html lang="en">' in body(client_bob)


def test_there_is_no_other_theme(client_bob):
    assert client_bob.post("/account/theme/", {"theme": "sepia"}).status_code == 404
