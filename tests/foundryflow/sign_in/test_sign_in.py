"""Signing in: how often it may go wrong, how long it lasts, and what the log tells."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from foundryflow.models import Attempt
from foundryflow.sign_in import limits as product
from foundryflow.sign_in import session_limits
from foundryflow.sign_in.attempts import Limit, TooMany, begin_attempt
from foundryflow.sign_in.devices import name_digest
from tests.factories import make_flow, make_run

MOST_TOGETHER, MOST_OF_ADDRESS, MOST_OF_NETWORK, MOST_OF_NAME = 3, 5, 7, 9  # those of the product are higher
RIGHT = "a long enough password"
WRONG = {"username": "alice", "password": "wrong"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def low_limits(monkeypatch):
    for name in ("MOST_TOGETHER", "MOST_OF_ADDRESS", "MOST_OF_NETWORK", "MOST_OF_NAME"):
        monkeypatch.setattr(product, name, globals()[name])


def sign_in(name="alice", password="wrong", address="20.0.0.1", client=None):
    return (client or Client()).post("/login/", {"username": name, "password": password}, REMOTE_ADDR=address)


def hours_later():
    Attempt.objects.update(at=timezone.now() - timedelta(hours=2))


def test_a_name_from_one_address_is_locked_after_a_few(alice):
    answers = [sign_in().status_code for _ in range(MOST_TOGETHER)]
    assert answers == [422] * (MOST_TOGETHER - 1) + [429]
    locked = sign_in(password=RIGHT)
    assert locked.status_code == 429
    assert 0 < int(locked.headers["Retry-After"]) <= 900
    assert "15 minutes" in locked.content.decode()
    assert sign_in(password=RIGHT, address="30.0.0.1").status_code == 302
    hours_later()
    assert sign_in(password=RIGHT).status_code == 302


def test_waiting_is_not_made_longer_by_trying(alice):
    for _ in range(MOST_TOGETHER):
        sign_in()
    assert Attempt.objects.filter(key__startswith="together").count() == MOST_TOGETHER
    sign_in()
    assert Attempt.objects.filter(key__startswith="together").count() == MOST_TOGETHER


def test_an_address_is_locked_whatever_names_it_tries(alice):
    answers = [sign_in(name=f"somebody{number}").status_code for number in range(MOST_OF_ADDRESS)]
    assert answers[-2:] == [422, 429]
    assert sign_in(password=RIGHT).status_code == 429
    assert sign_in(password=RIGHT, address="20.0.0.2").status_code == 302


@pytest.mark.parametrize(
    ("address", "other"),
    [("20.0.0.{}", "20.0.1.1"), ("2a01:111:f100:{:x}::1", "2a01:111:f200::1")],
)
def test_a_network_is_locked_whatever_addresses_it_has(alice, address, other):
    for number in range(MOST_OF_NETWORK):
        sign_in(name=f"somebody{number}", address=address.format(number))
    assert sign_in(password=RIGHT, address=address.format(200)).status_code == 429
    assert sign_in(password=RIGHT, address=other).status_code == 302


def test_one_host_of_ipv6_is_one_address(alice):
    for number in range(MOST_TOGETHER):
        sign_in(address=f"2a01:111:f100::{number:x}")
    assert sign_in(password=RIGHT, address="2a01:111:f100::ffff").status_code == 429
    assert sign_in(password=RIGHT, address="2a01:111:f100:1::1").status_code == 302


def test_a_name_is_locked_from_everywhere_but_where_the_person_has_been(alice):
    known = Client()
    assert sign_in(password=RIGHT, client=known).status_code == 302
    known.post("/logout/")
    for number in range(MOST_OF_NAME):
        sign_in(address=f"20.{number}.0.1")
    assert sign_in(password=RIGHT, address="30.0.0.1").status_code == 429
    assert sign_in(password=RIGHT, address="30.0.0.1", client=known).status_code == 302


def test_a_known_browser_is_limited_by_itself_and_opens_no_other_name(alice, bob):
    known = Client()
    sign_in(password=RIGHT, client=known)
    known.post("/logout/")
    for number in range(MOST_TOGETHER):
        sign_in(address=f"20.{number}.0.1", client=known)
    assert sign_in(password=RIGHT, client=known).status_code == 429
    assert sign_in(password=RIGHT).status_code == 302
    answers = [sign_in(name="bob", client=known).status_code for _ in range(MOST_TOGETHER)]
    assert answers[-1] == 429
    assert Attempt.objects.filter(key=f"name:{name_digest('bob')}", wrong=True).count() == MOST_TOGETHER


def test_a_right_password_resets_nothing(alice, bob):
    for _ in range(MOST_TOGETHER - 1):
        sign_in()
        sign_in(name="bob", password="another long password")
    assert sign_in().status_code == 429


@pytest.mark.parametrize(
    "forged", [{"HTTP_X_FORWARDED_FOR": "9.9.9.{}"}, {"HTTP_FORWARDED": "for=9.9.9.{}"}, {"HTTP_X_REAL_IP": "9.9.9.{}"}]
)
def test_a_forged_header_changes_nothing(alice, forged):
    ((header, value),) = forged.items()
    answers = [
        Client().post("/login/", WRONG, REMOTE_ADDR="20.0.0.1", **{header: value.format(number)}).status_code
        for number in range(MOST_TOGETHER)
    ]
    assert answers[-1] == 429


def test_an_administrator_opens_what_is_locked(alice):
    for _ in range(MOST_TOGETHER):
        sign_in()
        sign_in(address="2a01:111:f100::1")
    call_command("axes_reset_ip", "20.0.0.1")
    assert sign_in(password=RIGHT).status_code == 302
    assert sign_in(password=RIGHT, address="2a01:111:f100::1").status_code == 429
    call_command("axes_reset_username", "alice")
    assert sign_in(password=RIGHT, address="2a01:111:f100::1").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_no_more_than_many_in_a_row():
    limits, judged, refused = [Limit("test", 5, 60), Limit("test too", 50, 60)], [], []
    together = threading.Barrier(12)

    def guess():
        together.wait()
        try:
            attempt = begin_attempt(limits)
            judged.append(1)
            attempt.fail()
        except TooMany:
            refused.append(1)
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(judged), len(refused)) == (5, 7)
    assert Attempt.objects.filter(key="test").count() == 5


@pytest.mark.django_db(transaction=True)
def test_people_who_come_at_once_with_the_right_password_all_come_in():
    outcomes = []

    def enter():
        begin_attempt([Limit("test", 2, 60)]).withdraw()
        outcomes.append(1)
        connection.close()

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert not Attempt.objects.exists()


def test_the_log_tells_name_and_address(alice, caplog):
    for _ in range(MOST_TOGETHER):
        sign_in()
    said = [record.getMessage() for record in caplog.records if record.name == "foundryflow.sign_in"]
    assert said[0].startswith("Sign-in failed: alice from 20.0.0.1")
    assert said[-1].startswith("Sign-in locked until ")
    assert said[-1].endswith("alice from 20.0.0.1")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ghost", "ghost"),
        ("ghost@contoso.example", "ghost@contoso.example"),
        ("correct horse staple", "a name that nobody has (20 characters)"),
        ("a\r\nERROR b\x1b", "a�ERROR"),
    ],
)
def test_a_password_in_the_field_of_the_name_is_not_told(alice, caplog, name, told):
    sign_in(name=name)
    (said,) = [record.getMessage() for record in caplog.records if record.name == "foundryflow.sign_in"]
    assert said.isprintable()
    assert told.split("�")[0] in said
    assert not Attempt.objects.filter(key__contains=name).exists()


@pytest.mark.parametrize("typed", ["alice", "ALICE", "Ada@Contoso.example", "ada@contoso.example"])
def test_somebody_is_meant_by_name_or_email_in_whichever_letters(alice, typed):
    User.objects.filter(pk=alice.pk).update(email="ada@contoso.example")
    client = Client()
    assert sign_in(name=typed, password=RIGHT, client=client).status_code == 302
    assert client.get("/account/session/").json()["person"] == alice.pk


def test_an_email_of_two_means_nobody(alice, bob):
    User.objects.update(email="both@contoso.example")
    assert sign_in(name="both@contoso.example", password=RIGHT).status_code == 422


def test_all_names_of_a_person_have_one_count(alice):
    User.objects.filter(pk=alice.pk).update(email="ada@contoso.example")
    answers = [sign_in(name=name).status_code for name in ("alice", "Alice", "ada@contoso.example")]
    assert answers == [422, 422, 429]


def test_somebody_who_does_nothing_is_signed_out(alice, settings, monkeypatch):
    settings.SESSION_IDLE_SECONDS = 3_600
    client, clock = Client(), Clock(monkeypatch)
    sign_in(password=RIGHT, client=client)
    clock.now += 3_000
    assert client.get("/flows/").status_code == 200
    clock.now += 3_000
    assert client.get("/flows/").status_code == 200
    clock.now += 3_600
    assert client.get("/flows/").status_code == 302


def test_nobody_stays_signed_in_for_ever(alice, settings, monkeypatch):
    settings.SESSION_IDLE_SECONDS, settings.SESSION_COOKIE_AGE = 3_600, 7_200
    client, clock = Client(), Clock(monkeypatch)
    sign_in(password=RIGHT, client=client)
    for status in (200, 200, 302):
        clock.now += 2_500
        assert client.get("/flows/").status_code == status


def test_a_page_that_asks_and_listens_by_itself_keeps_nobody_signed_in(alice, settings, monkeypatch):
    settings.SESSION_IDLE_SECONDS = 3_600
    client, clock = Client(), Clock(monkeypatch)
    sign_in(password=RIGHT, client=client)
    stream = f"/runs/{make_run(make_flow(), question='x').pk}/stream/"
    for ask in (lambda: client.get(stream), lambda: client.get("/flows/", headers={"X-Unattended": "1"})):
        clock.now += 1_000
        assert ask().status_code == 200
    clock.now += 1_600
    assert client.get("/flows/").status_code == 302


def test_every_request_of_a_page_that_somebody_works_on_counts(alice, settings, monkeypatch):
    """With the extension for streams htmx says of each that it would take one."""
    settings.SESSION_IDLE_SECONDS = 3_600
    client, clock = Client(), Clock(monkeypatch)
    sign_in(password=RIGHT, client=client)
    for _ in range(3):
        clock.now += 3_000
        answer = client.get("/flows/", headers={"Accept": "text/html, text/event-stream", "HX-Request": "true"})
        assert answer.status_code == 200


def test_a_session_is_not_written_at_every_request(client_alice, django_assert_num_queries, monkeypatch):
    clock = Clock(monkeypatch)
    client_alice.get("/account/signed-in/")
    clock.now += 200
    with django_assert_num_queries(2):
        client_alice.get("/account/signed-in/")


class Clock:
    def __init__(self, monkeypatch):
        self.now = timezone.now().timestamp()
        monkeypatch.setattr(session_limits, "time", self)

    def time(self):
        return self.now


NEW = {"old_password": RIGHT, "new_password1": "another horse staple", "new_password2": "another horse staple"}


def test_a_changed_password_keeps_this_session_and_ends_the_others(alice):
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        sign_in(password=RIGHT, client=client)
    response = here.post("/account/password/", NEW, follow=True)
    assert "The password is changed" in response.content.decode()
    assert here.get("/flows/").status_code == 200
    assert elsewhere.get("/flows/").status_code == 302
    assert sign_in(password=NEW["new_password1"]).status_code == 302


@pytest.mark.parametrize(
    "wrong",
    [
        {"old_password": "guess"},
        {"new_password1": "short", "new_password2": "short"},
        {"new_password1": "password1234", "new_password2": "password1234"},
        {"new_password2": "another horse, staple"},
    ],
)
def test_a_password_that_will_not_do_is_not_taken(client_alice, wrong):
    response = client_alice.post("/account/password/", {**NEW, **wrong})
    assert response.status_code == 422
    assert "field-error" in response.content.decode()
    assert User.objects.get(username="alice").check_password(RIGHT)


def test_the_current_password_cannot_be_guessed_in_a_row(client_alice):
    for _ in range(MOST_TOGETHER):
        response = client_alice.post("/account/password/", {**NEW, "old_password": "guess"})
    assert response.status_code == 429
    assert client_alice.post("/account/password/", NEW).status_code == 429
    assert User.objects.get(username="alice").check_password(RIGHT)


def test_nothing_typed_comes_back(client_alice):
    response = client_alice.post("/account/password/", {**NEW, "old_password": "guess"})
    assert NEW["new_password1"] not in response.content.decode()
