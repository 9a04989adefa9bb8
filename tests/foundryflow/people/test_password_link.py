"""Somebody who has forgotten their password chooses another by a link that an administrator makes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from foundryflow.accounts import give_role
from foundryflow.audit.record import COMMAND, Origin
from foundryflow.models import Account, ApiKey, AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.people import link_pages
from foundryflow.people.password_link import NotValid, choose_password, make_password_link
from foundryflow.roles import Role

PASSWORD = "violet harbour lamp 4"


@pytest.fixture
def hana(db):
    return User.objects.create_user("hana", "hana@contoso.example", "forgotten words 12", first_name="Hana Ito")


@pytest.fixture
def administrator(client, person):
    client.force_login(person(Role.ADMINISTRATOR))
    return client


@pytest.fixture
def secret(hana):
    return make_password_link(hana, COMMAND).secret


def chosen(secret, password=PASSWORD, client=None):
    return (client or Client()).post("/password/", {"secret": secret, "password": password})


def test_an_administrator_is_told_first_and_shown_the_link_once(administrator, hana):
    address = f"/people/{hana.pk}/password-link/"
    assert f'href="{address}"' in administrator.get("/people/").content.decode()
    asked = " ".join(administrator.get(address).content.decode().split())
    assert "It works once, within a day" in asked
    assert not AuditEntry.objects.exists()
    answer = administrator.post(address)
    link = answer.context["link"]
    assert link in answer.content.decode()
    assert "No mail server is set" in answer.content.decode()
    assert "js/copy" in answer.content.decode()  # its Copy button
    assert answer.headers["Cache-Control"] == "no-store"
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.subject) == ("made a password link for", "Hana Ito")
    assert link.rstrip("/").rsplit("/", 1)[1] not in str(AuditEntry.objects.values())
    assert Client().get(link.removeprefix("http://testserver")).status_code == 200
    assert link not in administrator.get(address).content.decode()


def test_the_page_keeps_its_address_to_itself(secret):
    client = Client()
    answer = client.get(f"/password/{secret}/")
    page = answer.content.decode()
    assert "For hana@contoso.example." in page
    assert 'action="/password/"' in page
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not client.session.keys()


def test_the_password_is_set_the_sessions_end_and_the_link_with_them(secret, hana):
    there = Client()
    there.force_login(hana)
    secret = make_password_link(User.objects.get(pk=hana.pk), COMMAND).secret
    key, _ = ApiKey.objects.issue("hana's", ["read"], by=hana)
    answer = chosen(secret)
    assert answer.status_code == 200
    assert "Your password is set" in answer.content.decode()
    hana.refresh_from_db()
    assert hana.check_password(PASSWORD)
    assert Account.objects.get(user=hana).password_changed_at > timezone.now() - timedelta(minutes=1)
    assert there.get("/flows/").status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is None
    entry = AuditEntry.objects.order_by("-pk").first()
    assert (entry.by, entry.actor, entry.verb) == (hana, "Hana Ito", "chose a password by a link")
    again = chosen(secret, "another long phrase 7")
    assert again.status_code == 404
    assert "not valid any more" in again.content.decode()
    hana.refresh_from_db()
    assert hana.check_password(PASSWORD)
    entered = Client().post("/login/", {"username": "hana", "password": PASSWORD})
    assert entered.status_code == 302


def test_two_factor_is_asked_for_as_before(secret, hana):
    Authenticator.objects.create(user=hana, type=Authenticator.Type.TOTP, data={})
    chosen(secret)
    client = Client()
    answer = client.post("/login/", {"username": "hana", "password": PASSWORD})
    assert answer["Location"].startswith("/login/code/")
    assert client.get("/flows/").status_code == 302


@pytest.mark.parametrize(
    ("password", "words"),
    [("", "required"), ("brief", "too short"), ("password123456", "common"), ("hana@contoso.example", "similar")],
)
def test_a_password_that_will_not_do_is_named_and_the_link_stays(secret, hana, password, words):
    answer = chosen(secret, password)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    if password:
        assert password not in answer.content.decode().replace("For hana@contoso.example", "")
    assert chosen(secret).status_code == 200


@pytest.mark.parametrize("end", ["logs in", "deactivated", "a day later", "another password", "no passwords"])
def test_a_link_ends(secret, hana, end, settings, monkeypatch):
    if end == "logs in":
        Client().force_login(hana)
    elif end == "deactivated":
        User.objects.update(is_active=False)
    elif end == "a day later":
        now = PasswordResetTokenGenerator._now
        monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: now(self) + timedelta(seconds=86_401))
    elif end == "another password":
        hana.set_password("some good long words")
        hana.save()
    else:
        settings.PASSWORD_SIGN_IN = False
    assert Client().get(f"/password/{secret}/").status_code == 404
    assert chosen(secret).status_code == 404
    hana.refresh_from_db()
    assert not hana.check_password(PASSWORD)


@pytest.mark.parametrize("nonsense", ["x", "-", "1-", "1-x-y", "٣-abc-def", f"{'9' * 40}-a-b", "1-\0-x", "é" * 3_000])
def test_what_nobody_made_is_no_link(hana, nonsense):
    assert chosen(nonsense).status_code == 404
    assert chosen("").status_code == 404


def test_the_link_of_one_person_is_not_that_of_another(secret, person):
    other = person(Role.ADMINISTRATOR)
    assert chosen(f"{other.pk}-{secret.partition('-')[2]}").status_code == 404


def test_after_many_wrong_ones_the_host_waits_and_a_valid_link_stays(secret, monkeypatch):
    monkeypatch.setattr(link_pages, "MOST_WRONG", 3)
    for _ in range(3):
        chosen("1-x-y")
    answer = chosen(secret)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "900")
    assert "A link that is valid stays so" in answer.content.decode()
    elsewhere = Client().post("/password/", {"secret": secret, "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 200


def test_whoever_is_signed_in_as_somebody_else_changes_nothing(secret, hana, administrator):
    for answer, status in (
        (administrator.get(f"/password/{secret}/"), 200),
        (chosen(secret, client=administrator), 409),
    ):
        assert answer.status_code == status
        assert "This link is for hana@contoso.example" in " ".join(answer.content.decode().split())
    hana.refresh_from_db()
    assert hana.check_password("forgotten words 12")


@pytest.mark.parametrize("why", ["deactivated", "own", "no passwords"])
def test_where_there_is_none_a_sentence_says_why(administrator, hana, person, why, settings):
    pk = hana.pk
    if why == "deactivated":
        User.objects.filter(pk=pk).update(is_active=False)
    elif why == "own":
        pk = int(administrator.session["_auth_user_id"])
    else:
        settings.PASSWORD_SIGN_IN = False
    address = f"/people/{pk}/password-link/"
    words = {"deactivated": "is deactivated", "own": "is changed on your page", "no passwords": "Nobody logs in with"}
    assert words[why] in administrator.get(address).content.decode()
    answer = administrator.post(address)
    assert answer.status_code == 409
    assert "link" not in answer.context or not answer.context["link"]
    assert not AuditEntry.objects.exists()
    assert address not in administrator.get("/people/").content.decode()


def test_the_link_is_mailed_where_a_server_is_set(administrator, hana, settings):
    settings.EMAIL_HOST = "mail.contoso.example"
    answer = administrator.post(f"/people/{hana.pk}/password-link/")
    assert "It was sent to hana@contoso.example, too." in answer.content.decode()
    assert answer.context["link"] in mail.outbox[0].body
    User.objects.filter(pk=hana.pk).update(email="")
    answer = administrator.post(f"/people/{hana.pk}/password-link/")
    assert "no email address" in answer.content.decode()


def test_the_command_prints_one(hana, capsys):
    call_command("person", "password", "HANA@contoso.example", "--server", "https://flow.contoso.example/")
    told = capsys.readouterr()
    assert told.out.startswith(f"https://flow.contoso.example/password/{hana.pk}-")
    assert "not shown again" in told.err
    assert chosen(told.out.strip().rstrip("/").rsplit("/", 1)[1]).status_code == 200
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="deactivated"):
        call_command("person", "password", "hana")


def test_somebody_without_a_password_gets_one(hana):
    hana.set_unusable_password()
    hana.save()
    assert chosen(make_password_link(hana, COMMAND).secret).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_who_hold_the_link_one_chooses(transactional_db):
    hana = User.objects.create_user("hana", "hana@contoso.example", "forgotten words 12")
    give_role(hana, Role.READER, by=None)
    secret, begin = make_password_link(hana, COMMAND).secret, threading.Barrier(2)

    def choose(password):
        begin.wait()
        try:
            return choose_password(secret, password, Origin(Via.BROWSER))
        except NotValid:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(choose, [PASSWORD, "another long phrase 7"]))
    assert len([each for each in came if each]) == 1
