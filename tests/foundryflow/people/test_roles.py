"""Roles: what each may, and where they come from."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.management import call_command

from foundryflow.accounts import give_role
from foundryflow.models import Account
from foundryflow.roles import Permissions, Role, role_of


@pytest.mark.parametrize(
    ("role", "run", "edit", "administer"),
    [
        (Role.READER, False, False, False),
        (Role.RUNNER, True, False, False),
        (Role.EDITOR, True, True, False),
        (Role.ADMINISTRATOR, True, True, True),
    ],
)
def test_each_role_may_what_those_below_it_may(role, run, edit, administer):
    may = Permissions(User(account=Account(role=role)))
    assert (may.run(), may.edit(), may.administer()) == (run, edit, administer)


def test_nobody_and_whoever_is_switched_off_have_no_role():
    assert role_of(AnonymousUser()) is None
    assert role_of(User(is_active=False, account=Account(role=Role.ADMINISTRATOR))) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("flags", "role"),
    [({}, Role.READER), ({"is_staff": True}, Role.EDITOR), ({"is_superuser": True}, Role.ADMINISTRATOR)],
)
def test_a_new_person_has_the_role_of_their_flags(flags, role):
    user = User.objects.create_user("new", **flags)
    assert role_of(User.objects.get(pk=user.pk)) is role_of(user) is role


@pytest.mark.django_db
def test_createsuperuser_makes_an_administrator():
    call_command("createsuperuser", username="root", email="root@contoso.example", interactive=False)
    assert role_of(User.objects.get()) is Role.ADMINISTRATOR


@pytest.mark.django_db
def test_a_role_that_is_given_stays_when_the_person_is_saved(bob, alice):
    give_role(bob, Role.RUNNER, alice)
    bob.first_name = "Bo"
    bob.save()
    found = User.objects.get(pk=bob.pk)
    assert (role_of(found), found.account.role_given_by) == (Role.RUNNER, alice)


@pytest.mark.django_db
def test_flags_that_a_command_changes_change_the_role(bob):
    bob.is_superuser = bob.is_staff = True
    bob.save()
    assert role_of(User.objects.get(pk=bob.pk)) is Role.ADMINISTRATOR


@pytest.mark.django_db
def test_a_page_finds_person_and_role_in_two_queries(client_alice, django_assert_num_queries):
    with django_assert_num_queries(2):  # the session, and the person with the role
        assert client_alice.get("/account/signed-in/").status_code == 200
