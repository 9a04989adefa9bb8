"""What a request has loaded before somebody else changed it does not undo the change."""

import time

from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from foundryflow.account.password import PasswordForm, change_password
from foundryflow.accounts import give_role
from foundryflow.roles import Role, role_of
from foundryflow.sign_in.session_limits import SEEN

NEW = "violet harbour lamp 4"


def test_noting_a_sign_in_gives_no_role_back(person):
    user = person(Role.ADMINISTRATOR)
    stale = User.objects.get(pk=user.pk)
    give_role(user, Role.READER, by=None)
    stale.save(update_fields=["last_login"])
    assert role_of(User.objects.get(pk=user.pk)) is Role.READER


def test_a_change_of_the_password_undoes_no_deactivation(person):
    user = person(Role.ADMINISTRATOR)
    user.set_password("forgotten words 12")
    user.save()
    client = Client()
    client.force_login(user)
    request = RequestFactory().post("/account/password/")
    request.session, request.user = client.session, User.objects.get(pk=user.pk)
    give_role(user, Role.READER, by=None)
    User.objects.filter(pk=user.pk).update(is_active=False)
    form = PasswordForm(request, {"old_password": "forgotten words 12", "new_password1": NEW, "new_password2": NEW})
    assert form.is_valid(), form.errors
    change_password(form)
    stored = User.objects.get(pk=user.pk)
    assert stored.check_password(NEW)
    assert not stored.is_active
    assert stored.account.role == Role.READER


def test_whoever_ends_their_own_session_is_told_that_it_was_done(person):
    user, client = person(Role.ADMINISTRATOR), Client()
    client.force_login(user)
    session = client.session
    session[SEEN] = int(time.time()) - 400
    session.save()
    assert client.post(f"/people/{user.pk}/sign-out/").status_code == 302
    assert client.get("/flows/").status_code == 302
