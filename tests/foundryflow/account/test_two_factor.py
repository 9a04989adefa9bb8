"""The second factor: set up, replaced, turned off; recovery codes; and who is asked again before."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from foundryflow.account import two_factor
from foundryflow.account.two_factor import reset_two_factor
from foundryflow.models import AuditEntry
from foundryflow.sign_in import limits
from tests.authenticator_app import code_of
from tests.foundryflow.account.conftest import ALICE_PASSWORD as RIGHT
from tests.foundryflow.account.conftest import app_code, let_time_pass, recovery_code

pytestmark = pytest.mark.django_db
APP, CODES = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES
HTMX = {"HX-Request": "true"}


def post(client, path, **given):
    return client.post(f"/account/two-factor/{path}", given, headers=HTMX)


def begin(client):
    """The secret that is shown."""
    response = post(client, "begin/")
    assert response.status_code == 200
    shown = response.content.decode()
    return re.search(r'id="two-factor-secret"[^>]*>([A-Z2-7 ]+)</code>', shown)[1].replace(" ", ""), shown


def shown_codes(response):
    return re.findall(r"<code>(\d{4}-\d{4})</code>", response.content.decode())


def verbs():
    return list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True))


def test_it_is_set_up_by_a_key_that_a_code_confirms(client_alice, alice):
    secret, shown = begin(client_alice)
    assert "<svg" in shown
    assert "style=" not in shown
    assert not Authenticator.objects.exists()
    response = post(client_alice, "confirm/", code=code_of(secret))
    assert response.status_code == 200
    assert "Shown this once." in response.content.decode()
    assert "the old ones ended" not in response.content.decode()
    codes = shown_codes(response)
    assert len(codes) == 8
    assert {each.type for each in Authenticator.objects.filter(user=alice)} == {APP, CODES}
    assert verbs() == ["turned on two-factor"]
    page = client_alice.get("/account/").content.decode()
    assert "On since" in page
    assert f"{len(codes)} left" in page
    assert codes[0] not in page


def test_the_secret_is_in_no_log_and_no_audit_log(client_alice, caplog):
    caplog.set_level(0)
    secret, _ = begin(client_alice)
    post(client_alice, "confirm/", code="000000")
    post(client_alice, "confirm/", code=code_of(secret))
    assert secret not in caplog.text
    assert all(secret not in str(entry.__dict__) for entry in AuditEntry.objects.all())


def test_a_wrong_code_says_the_time_of_the_server_and_keeps_the_key(client_alice):
    secret, _ = begin(client_alice)
    response = post(client_alice, "confirm/", code="12345")
    shown = response.content.decode()
    assert response.status_code == 422
    assert re.search(r"here it is \d\d:\d\d:\d\d", shown)
    assert secret[:4] in shown
    assert not Authenticator.objects.exists()
    assert post(client_alice, "confirm/", code=code_of(secret)).status_code == 200


def test_a_key_is_good_for_ten_minutes(client_alice):
    secret, _ = begin(client_alice)
    session = client_alice.session
    session[two_factor.PENDING] = {**session[two_factor.PENDING], "at": 0}
    session.save()
    response = post(client_alice, "confirm/", code=code_of(secret))
    assert response.status_code == 422
    assert "longer than ten minutes" in response.content.decode()
    assert secret[:4] + " " + secret[4:8] not in response.content.decode()
    assert not Authenticator.objects.exists()


def test_a_key_belongs_to_its_session(client_alice, alice):
    secret, _ = begin(client_alice)
    elsewhere = Client()
    elsewhere.force_login(alice)
    post(elsewhere, "confirm/", code=code_of(secret))
    assert not Authenticator.objects.exists()


def test_what_is_pending_can_be_left(client_alice):
    secret, _ = begin(client_alice)
    post(client_alice, "cancel/")
    post(client_alice, "confirm/", code=code_of(secret))
    assert not Authenticator.objects.exists()


def test_replacing_keeps_the_old_app_until_the_new_one_is_confirmed_and_the_codes(with_app):
    client = Client()
    client.force_login(with_app)
    before = app_code(with_app)
    codes = recovery_code(with_app)
    secret, shown = begin(client)
    assert "Until then the app that you have goes on." in shown
    assert app_code(with_app) == before
    response = post(client, "confirm/", code=code_of(secret))
    assert "The app is replaced." in response.content.decode()
    assert shown_codes(response) == []
    assert app_code(with_app) == code_of(secret)
    assert recovery_code(with_app) == codes
    assert verbs() == ["replaced own authenticator app"]


def test_new_codes_end_the_old_ones(with_app):
    client = Client()
    client.force_login(with_app)
    old = recovery_code(with_app)
    response = post(client, "codes/")
    assert "8 new, made just now; the old ones ended" in response.content.decode()
    codes = shown_codes(response)
    stored = Authenticator.objects.get(user=with_app, type=CODES).wrap()
    assert not stored.validate_code(old)
    assert stored.validate_code(codes[0])
    assert verbs() == ["made new recovery codes"]


def test_codes_are_a_file_until_they_are_kept(with_app):
    client = Client()
    client.force_login(with_app)
    assert post(client, "codes/file/").status_code == 404
    codes = shown_codes(post(client, "codes/"))
    file = client.post("/account/two-factor/codes/file/")
    assert set(codes) <= set(file.content.decode().splitlines())
    assert file.headers["Content-Type"].startswith("text/plain")
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.headers["Cache-Control"] == "no-store"
    assert verbs() == ["made new recovery codes", "fetched own recovery codes"]
    elsewhere = Client()
    elsewhere.force_login(with_app)
    assert post(elsewhere, "codes/file/").status_code == 404
    post(client, "codes/kept/")
    assert post(client, "codes/file/").status_code == 404


def test_codes_need_an_app(client_alice):
    response = post(client_alice, "codes/")
    assert response.status_code == 422
    assert not Authenticator.objects.exists()


def test_turning_off_ends_app_and_codes(with_app):
    client = Client()
    client.force_login(with_app)
    assert "Two-factor is off." in post(client, "turn-off/").content.decode()
    assert not Authenticator.objects.exists()
    assert verbs() == ["turned off two-factor"]
    post(client, "turn-off/")
    assert verbs() == ["turned off two-factor"]


def test_it_stays_on_where_the_server_asks_for_it(with_app, settings):
    settings.TWO_FACTOR_REQUIRED = True
    client = Client()
    client.force_login(with_app)
    assert "Turn off" not in client.get("/account/").content.decode()
    assert post(client, "turn-off/").status_code == 422
    assert Authenticator.objects.filter(type=APP).exists()


def test_who_has_to_set_it_up_reads_why(client_bob, settings):
    settings.TWO_FACTOR_REQUIRED = True
    shown = client_bob.get("/account/two-factor/").content.decode()
    assert "Set it up to go on." in shown
    assert 'name="old_password"' not in shown  # a page of its own


@pytest.mark.parametrize("path", ["begin/", "turn-off/", "codes/"])
def test_an_older_sign_in_is_asked_again(with_app, path):
    client = Client()
    client.force_login(with_app)
    let_time_pass(client)
    response = post(client, path)
    shown = response.content.decode()
    assert response.status_code == 200
    assert "say who you are again" in shown
    assert f'action="/account/two-factor/{path}"' in shown
    assert Authenticator.objects.count() == 2
    assert verbs() == []
    assert "say who you are again" not in post(client, path, asked="1", password=RIGHT).content.decode()
    let_time_pass(client)
    again = "say who you are again" in post(client, path).content.decode()
    assert again


def test_the_password_or_a_code_is_the_answer(with_app):
    client = Client()
    client.force_login(with_app)
    for find in (
        lambda: {"password": RIGHT},
        lambda: {"code": app_code(with_app)},
        lambda: {"code": recovery_code(with_app)},
    ):
        let_time_pass(client)
        response = post(client, "codes/", asked="1", **find())
        assert shown_codes(response), find()
    assert "say who" not in post(client, "codes/").content.decode()


def test_a_code_works_once(with_app):
    client = Client()
    client.force_login(with_app)
    code = app_code(with_app)
    let_time_pass(client)
    assert shown_codes(post(client, "codes/", asked="1", code=code))
    assert Authenticator.objects.get(type=APP).last_used_at
    let_time_pass(client)
    response = post(client, "codes/", asked="1", code=code)
    assert response.status_code == 422
    assert "was used before" in response.content.decode()


@pytest.mark.parametrize("wrong", [{"password": "guess it"}, {"code": "000000"}])
def test_a_wrong_answer_is_a_refusal(with_app, wrong):
    client = Client()
    client.force_login(with_app)
    let_time_pass(client)
    response = post(client, "turn-off/", asked="1", **wrong)
    assert response.status_code == 422
    assert "guess it" not in response.content.decode()
    assert Authenticator.objects.count() == 2
    (entry,) = AuditEntry.objects.all()
    assert (entry.verb, entry.is_refused, entry.by) == ("tried to turn off two-factor", True, with_app)


def test_no_answer_is_none(with_app):
    client = Client()
    client.force_login(with_app)
    let_time_pass(client)
    response = post(client, "turn-off/", asked="1")
    assert response.status_code == 422
    assert "Type one of these." in response.content.decode()


def test_answers_cannot_be_guessed_in_a_row(with_app, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TOGETHER", 3)
    client = Client()
    client.force_login(with_app)
    let_time_pass(client)
    answers = [post(client, "turn-off/", asked="1", code="000000").status_code for _ in range(3)]
    assert answers == [422, 422, 429]
    assert post(client, "turn-off/", asked="1", password=RIGHT).status_code == 429
    assert Authenticator.objects.count() == 2


def test_without_scripts_the_answers_are_pages(client_alice):
    shown = client_alice.post("/account/two-factor/begin/").content.decode()
    assert "<html" in shown
    secret = re.search(r'id="two-factor-secret"[^>]*>([A-Z2-7 ]+)</code>', shown)[1].replace(" ", "")
    codes = client_alice.post("/account/two-factor/confirm/", {"code": code_of(secret)})
    assert "<html" in codes.content.decode()
    assert shown_codes(codes)
    assert client_alice.post("/account/two-factor/codes/kept/").url == "/account/#two-factor"


def test_an_administrator_can_reset_it(with_app):
    assert reset_two_factor(with_app)
    assert not Authenticator.objects.exists()
    assert not reset_two_factor(with_app)


def test_addresses_alone_change_nothing(client_alice):
    for path in ("begin/", "confirm/", "cancel/", "turn-off/", "codes/", "codes/file/", "codes/kept/"):
        assert client_alice.get(f"/account/two-factor/{path}").status_code == 405
